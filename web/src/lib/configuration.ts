/* The configuration document as a text that somebody edits, and its differences as `penstock config diff` words them. Pure. */
import type { ConfigurationDifference, ConfigurationVersion, FileError } from "./model";

/* ---- differences ---- */

export interface DifferenceLine {
	sign: "+" | "-" | "~";
	path: string;
	value: string;
}

/** A whole entry that comes or goes is told member by member. */
function entry(sign: "+" | "-", path: string, value: unknown): DifferenceLine[] {
	if (typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length === 0)
		return [{ sign, path, value: JSON.stringify(value) }];
	return Object.entries(value).flatMap(([name, member]) => entry(sign, `${path}.${name}`, member));
}

export function differenceLines(changes: ConfigurationDifference[]): DifferenceLine[] {
	return changes.flatMap(({ path, before, after }) => {
		if (before === null || before === undefined) return entry("+", path, after);
		if (after === null || after === undefined) return entry("-", path, before);
		return [{ sign: "~" as const, path, value: `${JSON.stringify(before)} -> ${JSON.stringify(after)}` }];
	});
}

/** "version 5 again: too early", as `penstock config history` has it. */
export function commentOf(version: ConfigurationVersion): string {
	if (version.reverted_from === 0) return version.comment;
	return `version ${version.reverted_from} again${version.comment === "" ? "" : `: ${version.comment}`}`;
}

/** The newest page of the history with the older ones that are here already behind it. */
export function mergeVersions(have: ConfigurationVersion[], newest: ConfigurationVersion[]): ConfigurationVersion[] {
	const oldest = newest.at(-1)?.version ?? 0;
	return [...newest, ...have.filter((one) => one.version < oldest)];
}

/* ---- places in the text; lines and columns count from 1 ---- */

/** A fault at its place: what is underlined, and from where the line is free for words. */
export interface Mark {
	line: number;
	column: number;
	length: number /* of what stands at the column */;
	end: number /* columns of the line */;
	message: string;
}

/** One for each line with faults; those of no line, or of one that is gone by now, have none. */
export function marksOf(errors: FileError[], text: string): Mark[] {
	const lines = text.split("\n");
	const marks = new Map<number, Mark>();
	for (const error of errors) {
		const line = lines[error.line - 1];
		if (line === undefined) continue;
		const before = marks.get(error.line);
		if (before) {
			before.message += `; ${error.message}`;
			continue;
		}
		const column = Math.min(Math.max(1, error.column), line.length + 1);
		const length = /^(?:"[^"]*"|[^\s:,{}[\]]+)/.exec(line.slice(column - 1))?.[0].length ?? 1;
		marks.set(error.line, { line: error.line, column, length, end: line.length, message: error.message });
	}
	return [...marks.values()];
}

/** Where a place is, in characters from the beginning. */
export function offsetOf(text: string, line: number, column: number): number {
	let start = 0;
	for (let n = 1; n < line; n++) {
		const end = text.indexOf("\n", start);
		if (end < 0) return text.length;
		start = end + 1;
	}
	const end = text.indexOf("\n", start);
	return Math.min(start + column - 1, end < 0 ? text.length : end);
}

/* ---- what keys do ---- */

const STEP = "  ";

/** The blanks that a new line behind `caret` begins with: as many as this one has, and a step more below a key. */
export function indentAfter(text: string, caret: number): string {
	const line = text.slice(text.lastIndexOf("\n", caret - 1) + 1, caret);
	const blanks = /^ */.exec(line)?.[0] ?? "";
	return /^\s*(?:- )?[^#\s][^#]*:\s*(?:#.*)?$/.test(line) ? blanks + STEP : blanks;
}

export interface Edit {
	from: number;
	to: number;
	text: string /* in place of what was there */;
	caret: [number, number];
}

/** Moves the lines that a selection touches by one step; null when nothing moves. */
export function shiftLines(text: string, start: number, end: number, isIn: boolean): Edit | null {
	const from = text.lastIndexOf("\n", start - 1) + 1;
	const last = end > start && text[end - 1] === "\n" ? end - 1 : end;
	const next = text.indexOf("\n", last);
	const to = next < 0 ? text.length : next;
	const before = text.slice(from, to).split("\n");
	const after = before.map((line) => (isIn ? (line === "" ? line : STEP + line) : line.replace(/^ {1,2}/, "")));
	const made = after.join("\n");
	if (made === before.join("\n")) return null;
	const first = (after[0] as string).length - (before[0] as string).length;
	const all = made.length - (to - from);
	return { from, to, text: made, caret: [Math.max(from, start + first), Math.max(from, end + all)] };
}
