import { expect, test } from "vitest";
import { mergeTexts } from "../../src/lib/merge";

const BASE = "a\nb\nc\nd\ne\nf\n";

test.each([
	["A\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\ne\nF\n", "A\nb\nc\nd\ne\nF\n"] /* a line of each */,
	["a\nb\nc\nx\ny\nd\ne\nf\n", "a\nc\nd\ne\nf\n", "a\nc\nx\ny\nd\ne\nf\n"] /* one adds, one takes away */,
	["a\nb\nc\nd\ne\nf\n", "a\nf\n", "a\nf\n"] /* mine is as it was */,
	["a\nX\nc\nd\ne\nf\n", "a\nX\nc\nd\ne\nY\n", "a\nX\nc\nd\ne\nY\n"] /* both did the same, and one more */,
	["X\nb\nc\nd\ne\nf\n", "Y\nb\nc\nd\ne\nf\n", null] /* the same line */,
	["X\nb\nc\nd\ne\nf\n", "a\nY\nc\nd\ne\nf\n", null] /* neighbours may belong together */,
	["a\nb\nX\nc\nd\ne\nf\n", "a\nb\nY\nc\nd\ne\nf\n", null] /* who comes first, nobody knows */,
	["", "a\nb\nc\nd\ne\nF\n", null] /* all taken away */,
	["a\nb\nc\nd\ne\nf\ng\n", "0\na\nb\nc\nd\ne\nf\n", "0\na\nb\nc\nd\ne\nf\ng\n"] /* both ends */,
	["a\nB\nc\nD\ne\nF\n", "a\nb\nc\nd\ne\nf\nz", null] /* the last line, without its end */,
])("%#", (mine, theirs, made) => {
	expect(mergeTexts(BASE, mine, theirs)).toBe(made);
	expect(mergeTexts(BASE, theirs, mine)).toBe(made);
});

test("a document that was written anew is nothing for a machine, and is told at once", () => {
	const text = (word: string) => Array.from({ length: 4000 }, (_, i) => `${word} ${i}`).join("\n");
	expect(mergeTexts(text("a"), text("b"), text("a"))).toBeNull();
});

test("what two people change far from each other comes together, and never into a third thing", () => {
	let seed = 7;
	const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
	let merged = 0;
	for (let round = 0; round < 300; round++) {
		const lines = Array.from({ length: 30 }, () => "xyz"[random(3)] as string);
		const edit = (from: number): string[] => {
			const made = [...lines];
			made.splice(from + random(8), random(3), ...Array.from({ length: random(3) }, () => `new ${random(9)}`));
			return made;
		};
		const [mine, theirs] = [edit(0), edit(18)];
		const made = mergeTexts(lines.join("\n"), mine.join("\n"), theirs.join("\n"));
		if (made === null) continue; /* among lines that are alike it may seem that they met */
		merged++;
		/* Mine up to line 16 of the base, theirs from there. */
		expect(made).toBe([...mine.slice(0, mine.length - 14), ...theirs.slice(16)].join("\n"));
	}
	expect(merged).toBeGreaterThan(250);
});
