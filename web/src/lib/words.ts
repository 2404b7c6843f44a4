/* Sentences for pages, from the parts that the server gives. */
import type { RunSummary } from "./model";

/** A part of a sentence as one that stands by itself. */
export function sentence(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a run waits for, or why it ended as it did; empty when there is nothing to say. */
export function whyOf(run: RunSummary): string {
	if (run.waiting_for !== "") return `Waits for ${run.waiting_for}`;
	return run.state === "succeeded" ? "" : sentence(run.reason);
}

const BY_PERSON: Record<RunSummary["event"], string> = {
	push: "pushed by",
	tag: "tagged by",
	pull_request: "pull request of",
	manual: "started by",
	schedule: "scheduled by",
	rollback: "rollback by",
	deploy: "deployed by",
	teardown: "taken down by",
	alarm: "asked by",
};
const BY_NOBODY: Record<RunSummary["event"], string> = {
	push: "pushed",
	tag: "tagged",
	pull_request: "pull request",
	manual: "started by hand",
	schedule: "on schedule",
	rollback: "rollback",
	deploy: "deployment",
	teardown: "expiry",
	alarm: "asked by an alarm",
};

/** "pushed by ann": what started it, and who. */
export function originOf(run: RunSummary): string {
	if (run.kind === "rollback") return run.actor === "" ? "rollback" : `rollback by ${run.actor}`;
	return run.actor === "" ? BY_NOBODY[run.event] : `${BY_PERSON[run.event]} ${run.actor}`;
}
