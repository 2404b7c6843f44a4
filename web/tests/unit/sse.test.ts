import { describe, expect, test } from "vitest";
import { EventParser, pauseBefore } from "../../src/lib/sse";

function events(...pieces: string[]) {
	const parser = new EventParser();
	return pieces.flatMap((piece) => parser.feed(piece)).map((event) => [event.type, event.id, event.data]);
}

describe("events", () => {
	test.each([
		["one event", ["event: run\nid: 7\ndata: {}\n\n"], [["run", "7", "{}"]]],
		["cut anywhere", ["eve", "nt: run\ni", "d: 7\ndata: {", "}\n", "\n"], [["run", "7", "{}"]]],
		["CRLF, cut between the two", ["data: a\r", "\n\r\n"], [["message", "", "a"]]],
		["several lines of data", ["data: a\ndata: b\n\n"], [["message", "", "a\nb"]]],
		["comments are silent", [": alive\n\n: alive\n\ndata: a\n\n"], [["message", "", "a"]]],
		["no space after the colon", ["data:a\n\n"], [["message", "", "a"]]],
		["only one space is taken away", ["data:  a\n\n"], [["message", "", " a"]]],
		[
			"an id lasts until the next",
			["id: 1\ndata: a\n\ndata: b\n\n"],
			[
				["message", "1", "a"],
				["message", "1", "b"],
			],
		],
		[
			"a type does not",
			["event: x\ndata: a\n\ndata: b\n\n"],
			[
				["x", "", "a"],
				["message", "", "b"],
			],
		],
		["an event without data is none", ["event: x\nid: 3\n\n"], []],
		["an unfinished event waits", ["data: a\n"], []],
	])("%s", (_name, pieces, expected) => expect(events(...pieces)).toEqual(expected));
});

test.each([
	[1, 0.5, 500],
	[2, 0.5, 1000],
	[4, 0.5, 4000],
	[50, 0.5, 15_000] /* no longer than that */,
	[1, 0, 375] /* spread by a quarter either way */,
	[1, 1, 625],
])("after %i failures, at random %f, the pause is %i ms", (failures, random, ms) => {
	expect(pauseBefore(failures, random)).toBe(ms);
});
