import { expect, test } from "vitest";
import { originOf, sentence, whyOf } from "../../src/lib/words";
import { makeSummary } from "../mock-data";

test.each([
	[
		"a run at its gate",
		{ state: "waiting", waiting_for: 'approval of stage "ship"' },
		'Waits for approval of stage "ship"',
	],
	["one that ended badly", { state: "cancelled", reason: "cancelled by ann: enough" }, "Cancelled by ann: enough"],
	["one that ended well", { state: "succeeded", reason: "whatever" }, ""],
	["one that runs", { state: "running" }, ""],
] as const)("%s says why", (_what, given, why) => {
	expect(whyOf(makeSummary(1, 0, given))).toBe(why);
});

test.each([
	[{ event: "push", actor: "ann" }, "pushed by ann"],
	[{ event: "push", actor: "" }, "pushed"],
	[{ event: "manual", actor: "ben" }, "started by ben"],
	[{ event: "pull_request", actor: "cleo" }, "pull request of cleo"],
	[{ event: "schedule", actor: "" }, "on schedule"],
	[{ event: "rollback", actor: "ann", kind: "rollback" }, "rollback by ann"],
	[{ event: "rollback", actor: "", kind: "rollback" }, "rollback"],
	[{ event: "deploy", actor: "ben" }, "deployed by ben"],
	[{ event: "deploy", actor: "" }, "deployment"],
	[{ event: "alarm", actor: "alarm" }, "asked by alarm"],
] as const)("%j reads as %j", (given, origin) => {
	expect(originOf(makeSummary(1, 0, given))).toBe(origin);
});

test("a sentence begins with a capital, whatever it begins with", () => {
	expect(["", "the end", "É", '"x" failed'].map(sentence)).toEqual(["", "The end", "É", '"x" failed']);
});
