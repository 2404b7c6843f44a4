import { describe, expect, test } from "vitest";
import {
	commentOf,
	differenceLines,
	indentAfter,
	marksOf,
	mergeVersions,
	offsetOf,
	shiftLines,
} from "../../src/lib/configuration";
import type { ConfigurationVersion } from "../../src/lib/model";

const fault = (line: number, column: number, message = "wrong") => ({ file: "configuration", line, column, message });
const version = (number: number, given: Partial<ConfigurationVersion> = {}): ConfigurationVersion => ({
	version: number,
	applied_at: null,
	applied_by: "eve",
	comment: "",
	reverted_from: 0,
	...given,
});

describe("differences are worded as penstock config diff prints them", () => {
	const worded = (path: string, before: unknown, after: unknown) =>
		differenceLines([{ path, before, after }]).map((line) => `${line.sign} ${line.path}: ${line.value}`);
	test.each([
		[worded("environments.dev.bake", "1m", "2m"), ['~ environments.dev.bake: "1m" -> "2m"']],
		/* what comes is told member by member */
		[
			worded("environments.prod", null, { tier: "production", floor: { gate: { approvals: 1 } } }),
			['+ environments.prod.tier: "production"', "+ environments.prod.floor.gate.approvals: 1"],
		],
		[worded("groups.qa", ["ann", "bob"], null), ['- groups.qa: ["ann","bob"]']] /* a list is one thing */,
		[worded("environments.dev", null, {}), ["+ environments.dev: {}"]] /* nothing is said of it */,
		[worded("alarms.up.dry_run", null, false), ["+ alarms.up.dry_run: false"]] /* no is something */,
	])("%#", (lines, expected) => expect(lines).toEqual(expected));
});

test.each([
	[version(3, { comment: "a region" }), "a region"],
	[version(3, { reverted_from: 1, comment: "too early" }), "version 1 again: too early"],
	[version(3, { reverted_from: 1 }), "version 1 again"],
	[version(3), ""],
])("%#: the comment of a version", (one, words) => expect(commentOf(one)).toBe(words));

test("the history keeps the older versions that were asked for", () => {
	const numbers = (have: number[], newest: number[]) =>
		mergeVersions(
			have.map((one) => version(one)),
			newest.map((one) => version(one)),
		).map((one) => one.version);
	expect(numbers([5, 4, 3, 2, 1], [6, 5, 4])).toEqual([6, 5, 4, 3, 2, 1]);
	expect(numbers([], [2, 1])).toEqual([2, 1]);
	expect(numbers([2, 1], [])).toEqual([]);
});

describe("faults stand at their places", () => {
	const TEXT = 'groups:\n  release: [ann, "bob"]\n\nend';
	test.each([
		[[fault(1, 1)], { line: 1, column: 1, length: 6, end: 7 }] /* a key, without its colon */,
		[[fault(2, 18)], { line: 2, column: 18, length: 5, end: 23 }] /* a quoted value is one */,
		[[fault(3, 1)], { line: 3, column: 1, length: 1, end: 0 }] /* an empty line */,
		[[fault(4, 99)], { line: 4, column: 4, length: 1, end: 3 }] /* behind the end of the line */,
		[[fault(4, 0)], { line: 4, column: 1, length: 3, end: 3 }] /* of the line as a whole */,
	])("%#", (errors, place) => expect(marksOf(errors, TEXT)).toEqual([{ ...place, message: "wrong" }]));
	test("several of one line are one mark, and those of no line none", () => {
		const marks = marksOf([fault(1, 1), fault(1, 3, "too long"), fault(0, 0), fault(9, 1)], TEXT);
		expect(marks.map((mark) => mark.message)).toEqual(["wrong; too long"]);
	});
	test.each([
		[1, 1, 0],
		[2, 3, 10],
		[2, 99, 31] /* never into the next line */,
		[9, 1, TEXT.length],
	])("line %i, column %i is character %i", (line, column, at) => expect(offsetOf(TEXT, line, column)).toBe(at));
});

describe("keys", () => {
	test.each([
		["a:", "  "] /* below a key */,
		["  dev: # everybody's", "    "] /* the same with a comment behind it */,
		["  tier: production", "  "],
		["  - name:", "    "],
		["  # a note:", "  "] /* a comment opens nothing */,
		["", ""],
		["x: 1\n    y: 2", "    "] /* the line counts, not the text */,
	])("a new line behind %j is moved in by %j", (text, blanks) => expect(indentAfter(text, text.length)).toBe(blanks));
	test("within a line what stands before the cursor counts", () => expect(indentAfter("  a: b", 0)).toBe(""));

	const shifted = (text: string, start: number, end: number, isIn: boolean) => {
		const edit = shiftLines(text, start, end, isIn);
		return edit && { text: text.slice(0, edit.from) + edit.text + text.slice(edit.to), caret: edit.caret };
	};
	test.each([
		["a\nb\nc", 2, 3, true, { text: "a\n  b\nc", caret: [4, 5] }] /* one line */,
		["a\n\nb", 0, 4, true, { text: "  a\n\n  b", caret: [2, 8] }] /* an empty line stays empty */,
		["a\nb\n", 0, 2, true, { text: "  a\nb\n", caret: [2, 4] }] /* a line of which nothing is selected stays */,
		["  a\n b", 1, 6, false, { text: "a\nb", caret: [0, 3] }] /* as far as there are blanks */,
		["a", 0, 1, false, null] /* nothing to move out */,
	])("%#", (text, start, end, isIn, expected) => expect(shifted(text, start, end, isIn)).toEqual(expected));
});
