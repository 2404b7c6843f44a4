import { expect, test } from "vitest";
import { countOf } from "../../src/lib/changes";
import type { Changes } from "../../src/lib/model";

const point = (version: string, commit = "9b2f4c1d7e8a60355c4f21b0a7d3e9f1c2b4a680") => ({
	name: "prod",
	version,
	commit,
});
const between = (total: number, reverted: number, given: Partial<Changes> = {}): Changes => ({
	from: point("1.4.1"),
	to: point("1.4.2"),
	commits: [],
	total,
	reverted,
	is_counted: true,
	...given,
});

test.each([
	[between(12, 0), "12 commits since 1.4.1"],
	[between(1, 0), "1 commit since 1.4.1"],
	[between(3, 2), "3 commits since 1.4.1, and 2 commits taken back"] /* on another branch */,
	[between(0, 2), "Nothing new since 1.4.1, and 2 commits taken back"] /* a rollback */,
	[between(0, 0), "The same commit as 1.4.1"],
	[between(10_000, 0, { is_counted: false }), "At least 10000 commits since 1.4.1"],
	[between(4, 0, { from: point("") }), "4 commits since commit 9b2f4c1d"] /* never deployed */,
	[between(4, 0, { from: point("", "") }), "4 commits: nothing of it runs there yet"],
])("%#: %s", (changes, words) => expect(countOf(changes)).toBe(words));
