/*
 * How what the server sends becomes what the pages hold. Pure: old value and message in, new value out, the old one
 * untouched and shared where nothing changed. A message may come twice, after a reconnect for example; applying it again
 * changes nothing.
 */
import type { Gate, Job, Run, RunSummary, RunUpdate, Stage } from "./model";

/** The newer of two descriptions of the same run: answers to requests and streams overtake each other. */
export function newerSummary(held: RunSummary, received: RunSummary): RunSummary {
	return received.version >= held.version ? received : held;
}

function mergeJobs(held: Job[], received: Job[]): Job[] {
	if (received.length === 0) return held;
	const byId = new Map(held.map((job) => [job.id, job]));
	for (const job of received) byId.set(job.id, job);
	return [...byId.values()];
}

function mergeStage(held: Stage, stage: Stage | undefined, gate: Gate | undefined, jobs: Job[] | undefined): Stage {
	if (stage === undefined && gate === undefined && jobs === undefined) return held;
	return {
		...held,
		...stage,
		/* A stage in an update comes without its gate and jobs: keep what is held. */
		gate: gate ?? held.gate ?? null,
		jobs: mergeJobs(held.jobs ?? [], jobs ?? []),
	};
}

function groupByStage(jobs: Job[]): Map<number, Job[]> {
	const groups = new Map<number, Job[]>();
	for (const job of jobs) groups.set(job.stage_id, [...(groups.get(job.stage_id) ?? []), job]);
	return groups;
}

export function mergeUpdate(held: Run, update: RunUpdate): Run {
	const stages = new Map(update.stages.map((stage) => [stage.id, stage]));
	const gates = new Map(update.gates.map((gate) => [gate.stage_id, gate]));
	const jobs = groupByStage(update.jobs);
	const known = new Set(held.stages.map((stage) => stage.id));
	const added = update.stages.filter((stage) => !known.has(stage.id));
	const merged = [...held.stages, ...added].map((stage) =>
		mergeStage(stage, stages.get(stage.id), gates.get(stage.id), jobs.get(stage.id)),
	);
	merged.sort((a, b) => a.index - b.index);
	const { alert, ways_back } = update;
	return { ...held, run: newerSummary(held.run, update.run), alert, ways_back, stages: merged };
}

/** A gate that came as the answer to a decision. */
export function mergeGate(held: Run, gate: Gate): Run {
	const { run, alert, ways_back } = held;
	return mergeUpdate(held, { run, alert, ways_back, stages: [], gates: [gate], jobs: [] });
}

/** A snapshot replaces all, unless it is older than what is held. */
export function mergeSnapshot(held: Run | null, snapshot: Run): Run {
	return held !== null && held.run.id === snapshot.run.id && held.run.version > snapshot.run.version ? held : snapshot;
}

export function allJobs(run: Run): Job[] {
	return run.stages.flatMap((stage) => stage.jobs ?? []);
}

/** Does a run belong to a list with this filter? Empty values let everything pass. */
export function matchesFilter(
	run: RunSummary,
	filter: { repository?: string; pipeline?: string; branch?: string; state?: string },
): boolean {
	return (["repository", "pipeline", "branch", "state"] as const).every(
		(name) => !filter[name] || run[name] === filter[name],
	);
}

/**
 * A list, newest first, after one run changed. A run that no longer fits the filter leaves it. One that is not in the list
 * joins at its place when it is newer than the oldest held; below that it belongs to a page not loaded yet, unless all are.
 */
export function mergeIntoList(held: RunSummary[], received: RunSummary, fits: boolean, hasMore: boolean): RunSummary[] {
	const at = held.findIndex((run) => run.id === received.id);
	if (at >= 0) {
		const newer = newerSummary(held[at] as RunSummary, received);
		if (newer !== received) return held;
		return fits ? held.with(at, received) : held.toSpliced(at, 1);
	}
	if (!fits) return held;
	const place = held.findIndex((run) => run.id < received.id);
	if (place < 0 && hasMore) return held;
	return held.toSpliced(place < 0 ? held.length : place, 0, received);
}
