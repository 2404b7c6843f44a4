import { describe, expect, test } from "vitest";
import { cells, MAX_HEIGHT_PX, PlainIndex, RowIndex, Scale, visibleWindow } from "../../src/lib/log-layout";

test.each([
	["", 0],
	["abc", 3],
	["\t", 8],
	["ab\tc", 9] /* to the next stop, then one */,
	["日本", 4] /* wide */,
	["e\u0301", 1] /* a combining accent takes no room */,
	["🚀", 2],
])("%j takes %i columns", (text, columns) => expect(cells(text)).toBe(columns));

describe("rows of wrapped lines", () => {
	function index(lengths: number[]): RowIndex {
		const rows = new RowIndex(10);
		rows.grow(lengths.length);
		lengths.forEach((length, i) => rows.learn(i + 1, "x".repeat(length)));
		return rows;
	}

	test("a line takes as many rows as it needs, an empty one takes one", () => {
		const rows = index([0, 10, 11, 35]);
		expect(rows.total).toBe(1 + 1 + 2 + 4);
		expect([1, 2, 3, 4, 5].map((line) => rows.rowOf(line))).toEqual([0, 1, 2, 4, 8]);
		expect([0, 1, 2, 3, 4, 7, 99].map((row) => rows.lineAt(row))).toEqual([1, 2, 3, 3, 4, 4, 4]);
	});

	test("colours take no room", () => {
		const rows = new RowIndex(10);
		expect(rows.learn(1, `\x1b[31m${"x".repeat(10)}\x1b[0m`)).toBe(false);
		expect(rows.total).toBe(1);
	});

	test("learning says whether lines below moved, and counts a line once", () => {
		const rows = index([5]);
		rows.grow(3);
		expect(rows.learn(2, "x".repeat(25))).toBe(true);
		expect(rows.learn(2, "x".repeat(25))).toBe(false);
		expect(rows.learn(3, "short")).toBe(false);
		expect(rows.total).toBe(5);
	});

	test("rowOf and lineAt agree across blocks", () => {
		const rows = index(Array.from({ length: 2300 }, (_, i) => (i * 7) % 43));
		for (const line of [1, 2, 499, 500, 501, 1000, 1001, 1777, 2300]) {
			expect(rows.lineAt(rows.rowOf(line))).toBe(line);
			expect(rows.lineAt(rows.rowOf(line + 1) - 1)).toBe(line);
		}
		expect(rows.rowOf(2301)).toBe(rows.total);
	});
});

describe("the window", () => {
	test("holds what is visible and some more on either side", () => {
		const scale = new Scale(100_000, 20, 600, 0);
		const seen = visibleWindow(new PlainIndex(100_000), scale, 40_000, 10);
		expect(seen).toEqual({ first: 1991, last: 2041, top: 1990 * 20 });
	});

	test("stops at both ends", () => {
		const scale = new Scale(50, 20, 600, 0);
		expect(visibleWindow(new PlainIndex(50), scale, 0, 100)).toEqual({ first: 1, last: 50, top: 0 });
		expect(visibleWindow(new PlainIndex(0), new Scale(0, 20, 600, 0), 0, 100)).toEqual({ first: 1, last: 0, top: 0 });
	});

	test("no line is skipped between one window and the next, wherever one scrolls", () => {
		const lines = 100_000;
		const scale = new Scale(lines, 20, 600, 20);
		for (let top = 0; top < scale.height; top += 599) {
			const seen = visibleWindow(new PlainIndex(lines), scale, top, 0);
			expect(seen.top).toBeLessThanOrEqual(top);
			expect(seen.top + (seen.last - seen.first + 1) * 20).toBeGreaterThanOrEqual(Math.min(top + 600, lines * 20));
		}
	});

	test("a log that is higher than a browser allows is reached from end to end", () => {
		const lines = 3_000_000;
		const scale = new Scale(lines, 20, 600, 0);
		expect(scale.height).toBe(MAX_HEIGHT_PX);
		const index = new PlainIndex(lines);
		expect(visibleWindow(index, scale, 0, 0).first).toBe(1);
		expect(visibleWindow(index, scale, scale.height - 600, 0).last).toBe(lines);
		const middle = scale.scrollTopFor(1_500_000 * 20);
		expect(visibleWindow(index, scale, middle, 0).first).toBe(1_500_001);
	});
});
