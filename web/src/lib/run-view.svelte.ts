/* One run as the page holds it: a snapshot, then updates, and the answers to what the caller does. */
import { api, ApiError, runPath } from "./api";
import { mergeGate, mergeSnapshot, mergeUpdate, newerSummary } from "./run-merge";
import type { Artifact, Findings, Gate, Run, RunSummary, RunUpdate } from "./model";
import { Stream, type ServerEvent, type StreamState } from "./sse";

/* A hidden tab holds no stream; it still wants the state in its title and icon. */
const HIDDEN_POLL_MS = 15_000;

export class RunView {
	run = $state.raw<Run | null>(null);
	artifacts = $state.raw<Artifact[]>([]);
	findings = $state.raw<Findings>({ findings: [], tests: [] });
	problem = $state("");
	isMissing = $state(false);
	link = $state<StreamState>("connecting");

	#stream: Stream | null = null;
	#poll = 0;
	#resultsOf = -1; /* how many jobs had ended when artifacts and findings were asked last */

	constructor(readonly name: string) {}

	open(): void {
		this.#stream = new Stream({
			url: `${runPath(this.name)}/events`,
			onEvent: (event) => this.#onEvent(event),
			onState: (state) => {
				this.link = state;
			},
			onRefused: (error) => {
				this.isMissing = error.status === 404;
				this.problem = error.message;
			},
		});
		this.#poll = window.setInterval(() => void this.#pollHidden(), HIDDEN_POLL_MS);
	}

	close(): void {
		this.#stream?.close();
		clearInterval(this.#poll);
	}

	#onEvent(event: ServerEvent): void {
		if (event.type === "snapshot") this.run = mergeSnapshot(this.run, JSON.parse(event.data) as Run);
		else if (event.type === "update" && this.run) this.run = mergeUpdate(this.run, JSON.parse(event.data) as RunUpdate);
		void this.#refreshResults();
	}

	async #pollHidden(): Promise<void> {
		if (!document.hidden) return;
		try {
			this.run = mergeSnapshot(this.run, await api.run(this.name));
		} catch {
			/* the stream says so when the tab is looked at again */
		}
	}

	/* Artifacts and findings appear with the end of an attempt. */
	async #refreshResults(): Promise<void> {
		const ended = (this.run?.stages ?? []).flatMap((stage) => stage.jobs ?? []).filter((job) => job.ended_at !== null);
		const mark = ended.reduce((sum, job) => sum + job.attempt, 0);
		if (mark === this.#resultsOf) return;
		this.#resultsOf = mark;
		try {
			const results = await Promise.all([api.artifacts(this.name), api.findings(this.name)]);
			/* Answers may pass each other: one that was asked for before knows less. */
			if (mark === this.#resultsOf) [this.artifacts, this.findings] = results;
		} catch (error) {
			if (error instanceof ApiError && error.status !== 401)
				this.#resultsOf = -1; /* asked again with the next change */
		}
	}

	takeSummary(summary: RunSummary): void {
		if (this.run && this.run.run.id === summary.id)
			this.run = { ...this.run, run: newerSummary(this.run.run, summary) };
	}

	takeGate(gate: Gate): void {
		if (this.run) this.run = mergeGate(this.run, gate);
	}
}
