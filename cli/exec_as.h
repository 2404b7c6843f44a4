#ifndef CLI_EXEC_AS_H
#define CLI_EXEC_AS_H

/*
 * The first moments of every process that `penstock up` starts. posix_spawn can neither change the account nor tie a
 * child to the life of its parent, so the child is this program again, which does both and becomes the real one:
 *
 *     penstock exec-as SIGNAL PARENT ACCOUNT PROGRAM ARGUMENTS...
 *
 * SIGNAL is what it gets when PARENT (a pid) dies; ACCOUNT "-" changes nothing.
 */

#define EXEC_AS_WORD "exec-as"

/* Returns only when it fails; the exit code to leave with. */
int exec_as_main(char **arguments);

#endif
