/*
 * Colours in logs. SGR sequences become spans with classes (the 16 palette colours, which the style sheet adapts) or a
 * colour value (the 256 and 24-bit ones); every other escape sequence is dropped. A carriage return inside a line shows
 * what a terminal would: what came after it. Text stays text: nothing here makes HTML.
 *
 * Colours start anew on each line: lines are read in any order, and programs reset them at the end of a line.
 */

export interface Span {
	text: string;
	classes: string;
	color: string; /* empty: from the classes */
	background: string;
}

interface Pen {
	flags: Set<string>;
	fg: string; /* "" or a palette name ("red", "bright-red") or "#rrggbb" */
	bg: string;
}

/* CSI ... final byte; OSC ... BEL or ST; two-byte escapes. The ceiling on lengths keeps hostile lines linear. */
// eslint-disable-next-line no-control-regex
const ESCAPE =
	/\x1b(?:\[([0-9;:?<=>!]{0,64})[ -/]{0,4}([@-~])|\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)?|[ -/]{0,4}[0-Z\\^-~])/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const FLAGS: Record<number, string> = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const ENDS: Record<number, string[]> = {
	22: ["bold", "dim"],
	23: ["italic"],
	24: ["underline"],
	27: ["inverse"],
	29: ["strike"],
};

function hex(r: number, g: number, b: number): string {
	return `#${[r, g, b].map((part) => Math.min(255, part).toString(16).padStart(2, "0")).join("")}`;
}

/** The colour with this number of the 256: palette, 6×6×6 cube, 24 greys. */
function indexed(n: number): string {
	if (n < 8) return NAMES[n] as string;
	if (n < 16) return `bright-${NAMES[n - 8]}`;
	if (n < 232) {
		const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40);
		const at = n - 16;
		return hex(level(Math.floor(at / 36)), level(Math.floor(at / 6) % 6), level(at % 6));
	}
	const grey = 8 + (Math.min(n, 255) - 232) * 10;
	return hex(grey, grey, grey);
}

/** Reads "5;N" or "2;R;G;B" behind 38 or 48; returns the colour and how many numbers it took. */
function extended(codes: number[], at: number): { color: string; used: number } {
	if (codes[at] === 5) return { color: indexed(codes[at + 1] ?? 0), used: 2 };
	if (codes[at] === 2) return { color: hex(codes[at + 1] ?? 0, codes[at + 2] ?? 0, codes[at + 3] ?? 0), used: 4 };
	return { color: "", used: 0 };
}

function applyOne(pen: Pen, code: number): void {
	const flag = FLAGS[code];
	const ended = ENDS[code];
	if (flag) pen.flags.add(flag);
	else if (ended) ended.forEach((name) => pen.flags.delete(name));
	else if (code >= 30 && code <= 37) pen.fg = NAMES[code - 30] as string;
	else if (code >= 90 && code <= 97) pen.fg = `bright-${NAMES[code - 90]}`;
	else if (code === 39) pen.fg = "";
	else if (code >= 40 && code <= 47) pen.bg = NAMES[code - 40] as string;
	else if (code >= 100 && code <= 107) pen.bg = `bright-${NAMES[code - 100]}`;
	else if (code === 49) pen.bg = "";
}

function applySgr(pen: Pen, parameters: string): void {
	const codes = parameters.split(/[;:]/).map((text) => Number(text) || 0);
	for (let i = 0; i < codes.length; i++) {
		const code = codes[i] as number;
		if (code === 0) {
			pen.flags.clear();
			pen.fg = pen.bg = "";
		} else if (code === 38 || code === 48) {
			const { color, used } = extended(codes, i + 1);
			if (code === 38) pen.fg = color;
			else pen.bg = color;
			i += used;
		} else {
			applyOne(pen, code);
		}
	}
}

function spanOf(pen: Pen, text: string): Span {
	const isInverse = pen.flags.has("inverse");
	const fg = isInverse ? pen.bg || "black" : pen.fg;
	const bg = isInverse ? pen.fg || "white" : pen.bg;
	const classes = [...pen.flags].filter((flag) => flag !== "inverse").map((flag) => `ansi-${flag}`);
	if (fg !== "" && fg[0] !== "#") classes.push(`ansi-fg-${fg}`);
	if (bg !== "" && bg[0] !== "#") classes.push(`ansi-bg-${bg}`);
	return { text, classes: classes.join(" "), color: fg[0] === "#" ? fg : "", background: bg[0] === "#" ? bg : "" };
}

/** What stands behind the last carriage return that something follows. */
function afterReturn(line: string): string {
	if (!line.includes("\r")) return line;
	const trimmed = line.replace(/\r+$/, "");
	return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

export function parseAnsi(raw: string): Span[] {
	const line = afterReturn(raw);
	if (!line.includes("\x1b")) return [{ text: line.replace(CONTROL, ""), classes: "", color: "", background: "" }];
	const pen: Pen = { flags: new Set(), fg: "", bg: "" };
	const spans: Span[] = [];
	let end = 0;
	const add = (text: string): void => {
		const clean = text.replace(CONTROL, "").replaceAll("\x1b", "");
		if (clean !== "") spans.push(spanOf(pen, clean));
	};
	for (const match of line.matchAll(ESCAPE)) {
		add(line.slice(end, match.index));
		end = match.index + match[0].length;
		if (match[2] === "m") applySgr(pen, match[1] ?? "");
	}
	add(line.slice(end));
	return spans;
}

/** The text alone, as it is searched and copied. */
export function stripAnsi(raw: string): string {
	const line = afterReturn(raw);
	const text = line.includes("\x1b") ? line.replace(ESCAPE, "").replaceAll("\x1b", "") : line;
	return text.replace(CONTROL, "");
}

export interface MarkedSpan extends Span {
	isHit: boolean;
}

/** In lower case, each character where it was: "İ" alone would become two. */
function fold(text: string): string {
	const lower = text.toLowerCase();
	if (lower.length === text.length) return lower;
	const same = (c: string): string => (c.toLowerCase().length === c.length ? c.toLowerCase() : c);
	return Array.from(text, same).join("");
}

/** Splits spans where a searched text stands, across colours too. */
export function markHits(spans: Span[], needle: string): MarkedSpan[] {
	const plain = (span: Span): MarkedSpan => ({ ...span, isHit: false });
	if (needle === "") return spans.map(plain);
	const whole = fold(spans.map((span) => span.text).join(""));
	const wanted = fold(needle);
	const marked: MarkedSpan[] = [];
	let hit = whole.indexOf(wanted);
	let at = 0; /* characters of the line so far */
	for (const span of spans) {
		let done = 0;
		while (done < span.text.length) {
			if (hit >= 0 && hit + wanted.length <= at + done) hit = whole.indexOf(wanted, hit + wanted.length);
			const isHit = hit >= 0 && hit <= at + done;
			const until = hit < 0 ? span.text.length : (isHit ? hit + wanted.length : hit) - at;
			const end = Math.min(span.text.length, until);
			marked.push({ ...span, text: span.text.slice(done, end), isHit });
			done = end;
		}
		at += span.text.length;
	}
	return marked;
}
