/* The list of runs: a page from the server, older pages on demand, and every change as it happens. */
import { api, query, type RunFilter } from "./api";
import { matchesFilter, mergeIntoList, newerSummary } from "./run-merge";
import type { RunSummary } from "./model";
import { Stream, type StreamState } from "./sse";

const PATIENCE_MS = 1000;

export class RunsList {
	runs = $state.raw<RunSummary[]>([]);
	next = $state<string | null>(null);
	isLoading = $state(true);
	problem = $state("");
	link = $state<StreamState>("connecting");

	readonly #filter: RunFilter;
	#stream: Stream | null = null;
	#isClosed = false;
	#impatience = 0;

	constructor(filter: RunFilter) {
		this.#filter = filter;
	}

	/* The list is asked for when its stream is there: what changes meanwhile is then not missed. A stream that does not come holds
	   nothing back. */
	open(): void {
		this.#impatience = window.setTimeout(() => void this.#reload(), PATIENCE_MS);
		this.#stream = new Stream({
			url: `/api/v1/events${query({ repository: this.#filter.repository })}`,
			onEvent: (event) => {
				if (event.type === "run") this.#take(JSON.parse(event.data) as RunSummary);
			},
			onState: (state) => this.#onState(state),
		});
	}

	close(): void {
		this.#isClosed = true;
		clearTimeout(this.#impatience);
		this.#stream?.close();
	}

	/* After a cut the server resumes where the stream was, if it still can: the first page is asked again to be sure. */
	#onState(state: StreamState): void {
		this.link = state;
		if (state === "live" || (state === "reconnecting" && this.isLoading)) void this.#reload();
	}

	async #reload(): Promise<void> {
		clearTimeout(this.#impatience);
		try {
			const page = await api.runs(this.#filter);
			if (this.#isClosed) return;
			const held = new Map(this.runs.map((run) => [run.id, run]));
			const fresh = page.runs.map((run) => newerSummary(held.get(run.id) ?? run, run));
			const oldest = fresh.at(-1)?.id ?? 0;
			const newest = fresh[0]?.id ?? 0;
			/* What was shown on demand stays; of what came by the stream alone nobody knows what lies between. */
			const older = this.isLoading || page.next === null ? [] : this.runs.filter((run) => run.id < oldest);
			const streamed = this.runs.filter((run) => run.id > newest);
			this.runs = [...streamed, ...fresh, ...older];
			if (older.length === 0) this.next = page.next;
			this.problem = "";
		} catch (error) {
			this.problem = error instanceof Error ? error.message : String(error);
		}
		this.isLoading = false;
	}

	async loadOlder(): Promise<void> {
		if (this.next === null) return;
		try {
			const page = await api.runs(this.#filter, this.next);
			const known = new Set(this.runs.map((run) => run.id));
			this.runs = [...this.runs, ...page.runs.filter((run) => !known.has(run.id))];
			this.next = page.next;
		} catch (error) {
			this.problem = error instanceof Error ? error.message : String(error);
		}
	}

	#take(run: RunSummary): void {
		this.runs = mergeIntoList(this.runs, run, matchesFilter(run, this.#filter), this.next !== null);
	}
}
