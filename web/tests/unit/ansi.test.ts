import { describe, expect, test } from "vitest";
import { markHits, parseAnsi, stripAnsi } from "../../src/lib/ansi";

const E = "\x1b";

/* [text, classes, color, background] of each span */
function spans(line: string) {
	return parseAnsi(line).map((span) => [span.text, span.classes, span.color, span.background]);
}

describe("colours", () => {
	test.each([
		["plain", "plain", [["plain", "", "", ""]]],
		[
			"red and reset",
			`a${E}[31mb${E}[0mc`,
			[
				["a", "", "", ""],
				["b", "ansi-fg-red", "", ""],
				["c", "", "", ""],
			],
		],
		[
			"an empty parameter resets too",
			`${E}[31mb${E}[mc`,
			[
				["b", "ansi-fg-red", "", ""],
				["c", "", "", ""],
			],
		],
		["bold and colour in one", `${E}[1;92mok`, [["ok", "ansi-bold ansi-fg-bright-green", "", ""]]],
		[
			"22 ends bold and dim",
			`${E}[1;2ma${E}[22mb`,
			[
				["a", "ansi-bold ansi-dim", "", ""],
				["b", "", "", ""],
			],
		],
		[
			"39 and 49 end colours only",
			`${E}[4;31;41ma${E}[39;49mb`,
			[
				["a", "ansi-underline ansi-fg-red ansi-bg-red", "", ""],
				["b", "ansi-underline", "", ""],
			],
		],
		["256: palette", `${E}[38;5;9mx`, [["x", "ansi-fg-bright-red", "", ""]]],
		["256: cube", `${E}[38;5;208mx`, [["x", "", "#ff8700", ""]]],
		["256: grey", `${E}[48;5;232mx`, [["x", "", "", "#080808"]]],
		["24 bits", `${E}[38;2;1;20;255mx`, [["x", "", "#0114ff", ""]]],
		["24 bits with colons", `${E}[38:2:1:20:255mx`, [["x", "", "#0114ff", ""]]],
		["numbers after an extended colour still count", `${E}[38;5;208;1mx`, [["x", "ansi-bold", "#ff8700", ""]]],
		["too large values are cut, not rejected", `${E}[38;2;999;0;0mx`, [["x", "", "#ff0000", ""]]],
		["inverse swaps", `${E}[7;31mx`, [["x", "ansi-fg-black ansi-bg-red", "", ""]]],
		["unknown codes are ignored", `${E}[31;73mx`, [["x", "ansi-fg-red", "", ""]]],
	])("%s", (_name, line, expected) => expect(spans(line)).toEqual(expected));
});

describe("everything else disappears", () => {
	test.each([
		["cursor movement", `a${E}[2Kb${E}[1;1Hc`, "abc"],
		["window titles", `${E}]0;title\x07text`, "text"],
		["hyperlinks keep their text", `${E}]8;;http://example.org${E}\\link${E}]8;;${E}\\`, "link"],
		["character sets", `${E}(Btext`, "text"],
		["a sequence that the line cuts", `text${E}[3`, "text[3"],
		["bells and backspaces", "a\x07b\x08c", "abc"],
		["a progress bar shows its last state", "10%\r50%\r100%", "100%"],
		["a return at the end is a line ending", "done\r", "done"],
		["tabs stay", "a\tb", "a\tb"],
		["markup is text", "<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
	])("%s", (_name, line, text) => {
		expect(stripAnsi(line)).toBe(text);
		expect(
			parseAnsi(line)
				.map((span) => span.text)
				.join(""),
		).toBe(text);
	});

	test("a hostile line takes linear time", () => {
		const line = `${E}[`.repeat(200_000) + `${E}]`.repeat(50_000);
		const start = performance.now();
		stripAnsi(line);
		expect(performance.now() - start).toBeLessThan(2000);
	});
});

describe("search hits", () => {
	const marked = (line: string, needle: string) =>
		markHits(parseAnsi(line), needle)
			.map((span) => (span.isHit ? `[${span.text}]` : span.text))
			.join("|");
	test.each([
		["nothing searched", "an error", "", "an error"],
		["inside a span", "an error here", "error", "an |[error]| here"],
		["any case", "an ERROR", "error", "an |[ERROR]"],
		["twice, and next to each other", "abab b", "ab", "[ab]|[ab]| b"],
		["across colours", `a fa${E}[31miled ${E}[0mtest`, "failed", "a |[fa]|[iled]| |test"],
		["no hit", "fine", "error", "fine"],
		["behind a letter whose small one is longer", "İ an error", "error", "İ an |[error]"],
	])("%s", (_name, line, needle, expected) => expect(marked(line, needle)).toBe(expected));
});

/* What programs print at its worst, put together by a generator that says the same each time. */
describe("whatever is printed", () => {
	const pieces = [
		E,
		"[",
		"]",
		"31",
		"38;5;208",
		"38:2:1:2:3",
		";",
		"m",
		"K",
		"\x07",
		"\r",
		"\t",
		"\x9b",
		"\x7f",
		"\x00",
		"\\",
	];
	pieces.push(
		`${E}[1;31m`,
		`${E}[0m`,
		`${E}]8;;http://a${E}\\`,
		`${E}[7m`,
		`${E}[999999999999m`,
		"ab",
		"AB",
		"İ",
		"ß",
		"😀",
		"<b>",
	);

	function* lines(count: number): Generator<string> {
		let seed = 1;
		const next = (below: number): number => {
			seed = (seed * 48271) % 2147483647;
			return seed % below;
		};
		for (let i = 0; i < count; i++) {
			let line = "";
			for (let n = next(12); n >= 0; n--) line += pieces[next(pieces.length)];
			yield line;
		}
	}

	test("spans are the text, and colours are colours", () => {
		for (const line of lines(2000)) {
			const parsed = parseAnsi(line);
			const text = parsed.map((span) => span.text).join("");
			expect(text, JSON.stringify(line)).toBe(stripAnsi(line));
			// eslint-disable-next-line no-control-regex
			expect(text, JSON.stringify(line)).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f]/);
			for (const span of parsed) {
				expect(span.color + span.background, JSON.stringify(line)).toMatch(/^(#[0-9a-f]{6}){0,2}$/);
				expect(span.classes, JSON.stringify(line)).toMatch(/^[a-z -]*$/);
			}
		}
	});

	test("hits are where the text is", () => {
		for (const line of lines(2000)) {
			const marked = markHits(parseAnsi(line), "aB");
			const text = marked.map((span) => span.text).join("");
			const hits = marked.filter((span) => span.isHit).map((span) => span.text);
			expect(text, JSON.stringify(line)).toBe(stripAnsi(line));
			expect(hits.join("").toLowerCase(), JSON.stringify(line)).toMatch(/^(ab)*$/);
			expect(hits.join("").length, JSON.stringify(line)).toBe((text.match(/ab/gi) ?? []).join("").length);
		}
	});
});
