import { describe, expect, test } from "vitest";
import { elapsed, formatBytes, formatDuration, formatExact, formatRelative, formatTicking } from "../../src/lib/time";

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

test.each([
	[-5, "0s"] /* clocks differ */,
	[0, "0s"],
	[40, "40ms"] /* below a tenth */,
	[430, "0.4s"],
	[1000, "1s"] /* a whole second has no tenths */,
	[9990, "9.9s"] /* never rounds up to a time that has not passed */,
	[12_800, "12s"],
	[59_999, "59s"],
	[60_000, "1m 00s"],
	[184_000, "3m 04s"],
	[H - 1, "59m 59s"],
	[2 * H + 5 * M, "2h 05m"],
	[3 * D + 4 * H + 59 * M, "3d 4h"],
])("a duration of %i ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

test.each([
	[430, "0s"],
	[9990, "9s"],
	[184_900, "3m 04s"],
	[-1, "0s"],
])("%i ms that still run are %s", (ms, text) => expect(formatTicking(ms)).toBe(text));

describe("relative times", () => {
	const now = Date.parse("2026-11-21T12:00:00Z");
	test.each([
		[0, "just now"],
		[44 * S, "just now"],
		[45 * S, "1 min ago"],
		[5 * M, "5 min ago"],
		[H - 1, "60 min ago"],
		[H, "1 h ago"],
		[23 * H, "23 h ago"],
		[D, "1 day ago"],
		[6 * D, "6 days ago"],
		[7 * D, "2026-11-14"] /* from here on a date says more */,
		[-10 * S, "in a moment"],
		[-3 * H, "in 3 h"],
	])("%i ms before now is %s", (ago, text) => expect(formatRelative(now - ago, now)).toBe(text));
});

test("the exact time is in UTC, to the second", () => {
	expect(formatExact(Date.parse("2026-11-21T08:24:31.789Z"))).toBe("2026-11-21 08:24:31 UTC");
});

test.each([
	[null, null, null] /* not started */,
	["2026-11-21T00:00:00Z", "2026-11-21T00:01:00Z", 60_000],
	["2026-11-21T00:00:00Z", null, 90_000] /* still running */,
])("from %s to %s", (from, to, ms) => expect(elapsed(from, to, Date.parse("2026-11-21T00:01:30Z"))).toBe(ms));

test.each([
	[0, "0 B"],
	[1023, "1023 B"],
	[1434, "1.4 KiB"],
	[24_117_248, "23 MiB"],
])("%i bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
