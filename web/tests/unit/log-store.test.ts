import { describe, expect, test, vi } from "vitest";
import { splitLines } from "../../src/lib/api";
import { CHUNK_LINES, firstErrorLine, LogStore } from "../../src/lib/log-store";

/* A server with a log of so many lines, and what was asked of it. */
function serving(lines: number, options: { isComplete?: boolean } = {}) {
	const all = Array.from({ length: lines }, (_, i) => `line ${i + 1}`);
	const fetch = vi.fn(async (from: number, count: number) => ({
		lines: all.slice(from - 1, from - 1 + count),
		total: all.length,
		isComplete: options.isComplete ?? true,
	}));
	return { all, fetch, store: new LogStore(fetch) };
}

test("opening brings the beginning and the length", async () => {
	const { store } = serving(2500);
	await store.open();
	expect([store.total, store.isComplete, store.line(1), store.line(CHUNK_LINES), store.line(CHUNK_LINES + 1)]).toEqual([
		2500,
		true,
		"line 1",
		`line ${CHUNK_LINES}`,
		undefined,
	]);
});

test("a range is fetched once, however often it is wanted", async () => {
	const { store, fetch } = serving(5000);
	await store.open();
	await Promise.all([store.ensure(1500, 2500), store.ensure(2100, 2200)]);
	await store.ensure(1500, 2500);
	expect(fetch.mock.calls).toEqual([
		[1, CHUNK_LINES],
		[1001, CHUNK_LINES],
		[2001, CHUNK_LINES],
	]);
	expect(store.line(2500)).toBe("line 2500");
});

test("the last chunk asks for no more lines than there are", async () => {
	const { store, fetch } = serving(1234);
	await store.open();
	await store.ensure(1, 9999);
	expect(fetch.mock.calls.at(-1)).toEqual([1001, 234]);
	expect(store.line(1234)).toBe("line 1234");
	expect(store.line(1235)).toBeUndefined();
});

test("the tail grows the log, and a line that comes twice stays as it was", async () => {
	const { store, fetch } = serving(3, { isComplete: false });
	await store.open();
	store.append(3, ["twice", "line 4", "line 5"]);
	expect([store.total, store.line(3), store.line(5)]).toEqual([5, "line 3", "line 5"]);
	await store.ensure(1, 5);
	expect(fetch).toHaveBeenCalledTimes(1);
});

test("a gap that the tail left is fetched when somebody looks", async () => {
	const { store, all } = serving(10, { isComplete: false });
	await store.open();
	all.push("line 11", "line 12");
	store.append(13, ["line 13"]);
	all.push("line 13");
	expect(store.line(11)).toBeUndefined();
	await store.ensure(1, 13);
	expect([store.line(11), store.line(13)]).toEqual(["line 11", "line 13"]);
});

test("a failed fetch says why and can be tried again", async () => {
	const { store, fetch } = serving(3000);
	await store.open();
	fetch.mockRejectedValueOnce(new Error("The server cannot be reached."));
	await store.ensure(2000, 2000);
	expect([store.problem, store.line(2000)]).toEqual(["The server cannot be reached.", undefined]);
	await store.ensure(2000, 2000);
	expect([store.problem, store.line(2000)]).toEqual(["", "line 2000"]);
});

test("lines that the server keeps back are a problem, not a reason to ask for ever", async () => {
	const { store, fetch, all } = serving(3000);
	await store.open();
	all.splice(1500);
	store.total = 3000;
	await store.ensure(1400, 1600);
	expect(store.problem).toBe("The server did not send all lines from 1001 on.");
	expect(fetch).toHaveBeenCalledTimes(2);
});

describe("search", () => {
	async function find(store: LogStore, text: string, from = 1, abort = new AbortController()) {
		const found: number[] = [];
		await store.search(text, from, (numbers) => found.push(...numbers), abort.signal);
		return found;
	}

	test("reads the whole log in few requests and finds every line, in any case, colours or not", async () => {
		const { store, all, fetch } = serving(25_000);
		all[17] = "an \x1b[31mER\x1b[1mROR\x1b[0m here";
		all[24_999] = "another error";
		await store.open();
		expect(await find(store, "Error")).toEqual([18, 25_000]);
		expect(fetch.mock.calls.length).toBeLessThanOrEqual(4);
	});

	test("goes on where it stopped", async () => {
		const { store } = serving(120);
		await store.open();
		expect(await find(store, "line 11", 100)).toEqual([110, 111, 112, 113, 114, 115, 116, 117, 118, 119]);
	});

	test("stops when it is told to", async () => {
		const { store } = serving(30_000);
		await store.open();
		const abort = new AbortController();
		abort.abort();
		expect(await find(store, "line", 1, abort)).toEqual([]);
	});
});

test.each([
	[["ok", "error: no"], 2],
	[["0 errors, 0 failed", "fine"], 0] /* good news is no error */,
	[["no errors", "1 failed"], 2],
	[["\x1b[31mFATAL\x1b[0m"], 1],
	[["sh: 1: foo: not found"], 1],
	[["terrors of the deep"], 0] /* whole words only */,
])("the first error of %j is line %i", (lines, expected) => {
	const store = new LogStore(async () => ({ lines: [], total: 0, isComplete: true }));
	store.append(1, lines);
	expect(firstErrorLine(store, 1, Infinity)).toBe(expected);
});

test.each([
	["", []],
	["a\n", ["a"]],
	["a\n\nb\n", ["a", "", "b"]],
	["a\nb", ["a", "b"]] /* a last line without its newline */,
	["\n", [""]],
])("lines of %j", (text, lines) => expect(splitLines(text)).toEqual(lines));
