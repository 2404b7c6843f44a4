import { expect, test } from "vitest";
import { boundsOf, faultOf, firstValues, givenValues, parseDuration, sortFaults } from "../../src/lib/inputs";
import { makeInput } from "../mock-pipelines";

test.each([
	["90s", 90_000],
	["1h30m", 5_400_000],
	["500ms", 500],
	["2w", 1_209_600_000],
	["90", null] /* nobody can tell its unit */,
	["1 h", null],
	["", null],
])("the duration %j is %j ms", (text, ms) => {
	expect(parseDuration(text)).toBe(ms);
});

const NUMBER = makeInput("n", { type: "number", min: "1", max: "10" });
const LENGTH = makeInput("d", { type: "duration", min: "1m", max: "2h" });
test.each([
	["a number inside its bounds", NUMBER, "10", ""],
	["a number outside them", NUMBER, "11", "Give 1 to 10."],
	["no number", NUMBER, "ten", "This is no number."],
	["nothing where nothing is asked for", NUMBER, "", ""],
	["a duration inside", LENGTH, "90m", ""],
	["a duration outside", LENGTH, "59s", "Give 1m to 2h."],
	["no duration", LENGTH, "90", "Write a duration such as 90s, 20m or 1h30m."],
	["a missing value", makeInput("r", { is_required: true }), " ", "This input is required."],
	["a missing value with a default", makeInput("r", { is_required: true, default: "x" }), "", ""],
	["a text that fits", makeInput("p", { pattern: "[a-z]+|[0-9]+" }), "12", ""],
	["a text that fits in part", makeInput("p", { pattern: "[a-z]+" }), "ab1", "The whole text must match [a-z]+"],
	["a pattern that only the server can read", makeInput("p", { pattern: "(?>a)" }), "b", ""],
	["an unknown choice", makeInput("c", { type: "choice", options: ["a", "b"] }), "c", "Choose one of a, b."],
])("%s: what is wrong with it", (_what, input, value, fault) => {
	expect(faultOf(input, value)).toBe(fault);
});

test("a form begins with the defaults, keeps what fits, and sends what is not empty", () => {
	const inputs = [makeInput("a", { default: "x" }), makeInput("b", { type: "boolean" }), NUMBER];
	expect(firstValues(inputs)).toEqual({ a: "x", b: "false", n: "" });
	/* from the form of another pipeline whose n was a text */
	expect(firstValues(inputs, { a: "typed", n: "text" })).toEqual({ a: "typed", b: "false", n: "" });
	expect(givenValues(inputs, { a: " y ", b: "false", n: "", other: "1" })).toEqual({ a: "y", b: "false" });
});

test("bounds read as words", () => {
	expect([boundsOf(NUMBER), boundsOf(makeInput("n", { min: "1" })), boundsOf(makeInput("n", { max: "3" }))]).toEqual([
		"1 to 10",
		"1 or more",
		"at most 3",
	]);
});

test("what the server says about an input stands beside it", () => {
	const at = { file: "ci.yaml", line: 4, column: 3 };
	const other = { ...at, message: "stage prod: no target" };
	expect(sortFaults([{ ...at, message: 'input "word": is required' }, other])).toEqual({
		byInput: { word: "is required" },
		others: [other],
	});
});
