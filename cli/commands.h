#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

/* The functions of the table, by file: each gets the parsed command line and returns an exit code. */

#include "cli/cli.h"

#define CLI_COMMAND(name) int command_##name(struct cli *cli, struct err *err)

/* run_commands.c, log_commands.c, gate_commands.c, artifact_commands.c */
CLI_COMMAND(runs);
CLI_COMMAND(show);
CLI_COMMAND(logs);
CLI_COMMAND(run);
CLI_COMMAND(cancel);
CLI_COMMAND(retry);
CLI_COMMAND(rerun);
CLI_COMMAND(approve);
CLI_COMMAND(reject);
CLI_COMMAND(artifacts);
CLI_COMMAND(artifact_get);

/* finding_commands.c */
CLI_COMMAND(findings);

/* repo_commands.c, forge_commands.c, retention_command.c, worker_commands.c, account_commands.c, token_commands.c */
CLI_COMMAND(retention);
CLI_COMMAND(backup);
CLI_COMMAND(restore);
CLI_COMMAND(repo_add);
CLI_COMMAND(repo_ls);
CLI_COMMAND(repo_set);
CLI_COMMAND(repo_rm);
CLI_COMMAND(repo_poll);
CLI_COMMAND(repo_schedules);
CLI_COMMAND(repo_rotate_secret);
CLI_COMMAND(repo_credential);
CLI_COMMAND(repo_deliveries);
CLI_COMMAND(repo_gitops);
CLI_COMMAND(triggers);
CLI_COMMAND(workers);
CLI_COMMAND(worker_drain);
CLI_COMMAND(worker_resume);
CLI_COMMAND(worker_token);
CLI_COMMAND(accounts);
CLI_COMMAND(account_add);
CLI_COMMAND(account_login);
CLI_COMMAND(account_logins);
CLI_COMMAND(account_disable);
CLI_COMMAND(account_password);
CLI_COMMAND(account_enable);
CLI_COMMAND(tokens);
CLI_COMMAND(token_add);
CLI_COMMAND(token_rm);

/* alarm_commands.c */
CLI_COMMAND(alarms);
CLI_COMMAND(alarm_show);
CLI_COMMAND(alarm_test);
CLI_COMMAND(alarm_secret);

/* config_commands.c, env_commands.c, freeze_commands.c */
CLI_COMMAND(config_diff);
CLI_COMMAND(config_apply);
CLI_COMMAND(config_export);
CLI_COMMAND(config_history);
CLI_COMMAND(config_revert);
CLI_COMMAND(config_lint);
CLI_COMMAND(env_ls);
CLI_COMMAND(env_show);
CLI_COMMAND(env_create);
CLI_COMMAND(freeze_ls);
CLI_COMMAND(freeze_add);
CLI_COMMAND(freeze_lift);
CLI_COMMAND(freeze_override);

/* delivery_commands.c */
CLI_COMMAND(board);
CLI_COMMAND(changes);
CLI_COMMAND(env_history);
CLI_COMMAND(rollback);
CLI_COMMAND(deploy);
CLI_COMMAND(resolve);
CLI_COMMAND(accept);
CLI_COMMAND(expiry_ls);
CLI_COMMAND(expiry_set);
CLI_COMMAND(quarantine_ls);
CLI_COMMAND(quarantine_release);
CLI_COMMAND(quarantine_fixed);

/* fsck.c */
CLI_COMMAND(fsck);

/* hook.c */
CLI_COMMAND(hook_install);
CLI_COMMAND(hook_post);

/* lint.c, plan.c, doctor.c */
CLI_COMMAND(lint);
CLI_COMMAND(plan);
CLI_COMMAND(doctor);

#endif
