#include "server/engine/states_print.h"

#include "server/engine/states.h"

static void print_machine(struct buf *to, const struct state_machine *machine)
{
	buf_addf(to, "\n## %s\n\n```mermaid\nstateDiagram-v2\n", machine->name);
	for (const struct state_change *change = machine->changes; change->why; change++)
		buf_addf(to, "    %s --> %s: %s\n", machine->states[change->from], machine->states[change->to],
			machine->events[change->event]);
	buf_add_c(to, "```\n\n| from | event | to | why |\n| --- | --- | --- | --- |\n");
	for (const struct state_change *change = machine->changes; change->why; change++)
		buf_addf(to, "| %s | %s | %s | %s |\n", machine->states[change->from], machine->events[change->event],
			machine->states[change->to], change->why);
}

void states_print(struct buf *to)
{
	const struct state_machine *machines[] = {
		&run_machine, &stage_machine, &wave_machine, &deployment_machine, &job_machine, &gate_machine};
	buf_add_c(to,
		"# States\n\nPrinted by `penstock-server --states` from the tables in `server/engine/states.c`. A move that is not listed does\n"
		"not happen. What is final stays final, but for the one explicit retry: failed to running.\n");
	for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
		print_machine(to, machines[i]);
}
