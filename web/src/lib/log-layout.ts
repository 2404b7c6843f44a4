/*
 * Where lines stand when only the visible ones are drawn. A line takes one row, or when wrapped as many as its characters
 * need at this width: in a monospaced font that is arithmetic, so no line is ever measured. Rows are summed by blocks, which
 * finds the line at an offset in a few hundred additions even in a log of a million lines.
 *
 * Browsers stop at about 17 million pixels of height. Above MAX_HEIGHT_PX the scroll bar is scaled: one pixel of it stands for
 * more than one of the log.
 */
import { stripAnsi } from "./ansi";

export const MAX_HEIGHT_PX = 12_000_000;
const BLOCK = 500;
const TAB = 8;

/** Columns that a text takes: tabs to the next stop, East Asian wide characters and emoji two, combining marks none. */
export function cells(text: string): number {
	let count = 0;
	for (const character of text) {
		const code = character.codePointAt(0) as number;
		if (code === 9) count += TAB - (count % TAB);
		else if (code < 0x300) count++;
		else if (!/\p{Mn}|\p{Me}|\u200d|\ufe0f/u.test(character)) count += isWide(code) ? 2 : 1;
	}
	return count;
}

function isWide(code: number): boolean {
	return (
		(code >= 0x1100 && code <= 0x115f) ||
		(code >= 0x2e80 && code <= 0xa4cf) ||
		(code >= 0xac00 && code <= 0xd7a3) ||
		(code >= 0xf900 && code <= 0xfaff) ||
		(code >= 0xfe30 && code <= 0xfe6f) ||
		(code >= 0xff00 && code <= 0xff60) ||
		(code >= 0x1f300 && code <= 0x1faff) ||
		(code >= 0x20000 && code <= 0x3fffd)
	);
}

/** Rows of the lines, in blocks; a line that is not here yet counts as one. */
export class RowIndex {
	#rows: number[] = []; /* of each line, from index 0 */
	#blocks: number[] = [];
	#isKnown: boolean[] = [];
	total = 0;

	constructor(readonly columns: number) {}

	get lines(): number {
		return this.#rows.length;
	}

	grow(lines: number): void {
		for (let i = this.#rows.length; i < lines; i++) {
			this.#rows.push(1);
			const block = Math.floor(i / BLOCK);
			this.#blocks[block] = (this.#blocks[block] ?? 0) + 1;
			this.total++;
		}
	}

	/** Learns the text of a line (from 1). Returns whether that moved the lines below it. */
	learn(line: number, text: string): boolean {
		const at = line - 1;
		if (this.#isKnown[at]) return false;
		this.grow(line);
		this.#isKnown[at] = true;
		const rows = Math.max(1, Math.ceil(cells(stripAnsi(text)) / this.columns));
		const difference = rows - (this.#rows[at] as number);
		this.#rows[at] = rows;
		const block = Math.floor(at / BLOCK);
		this.#blocks[block] = (this.#blocks[block] as number) + difference;
		this.total += difference;
		return difference !== 0;
	}

	/** Rows above a line. */
	rowOf(line: number): number {
		const at = Math.min(line - 1, this.#rows.length);
		const block = Math.floor(at / BLOCK);
		let row = 0;
		for (let i = 0; i < block; i++) row += this.#blocks[i] as number;
		for (let i = block * BLOCK; i < at; i++) row += this.#rows[i] as number;
		return row;
	}

	/** The line that covers a row, from 1. */
	lineAt(row: number): number {
		let left = row;
		let block = 0;
		while (block < this.#blocks.length - 1 && left >= (this.#blocks[block] as number))
			left -= this.#blocks[block++] as number;
		let at = block * BLOCK;
		while (at < this.#rows.length - 1 && left >= (this.#rows[at] as number)) left -= this.#rows[at++] as number;
		return at + 1;
	}
}

/** The same questions for unwrapped lines, where the answers are the numbers themselves. */
export class PlainIndex {
	constructor(readonly lines: number) {}

	get total(): number {
		return this.lines;
	}

	rowOf(line: number): number {
		return Math.min(line - 1, this.lines);
	}

	lineAt(row: number): number {
		return Math.max(1, Math.min(this.lines, Math.floor(row) + 1));
	}
}

export interface Window {
	first: number;
	last: number; /* inclusive; first > last when there is none */
	top: number; /* pixels from the top of the scrolled content to the first line */
}

/** Translates between the scroll bar and rows. */
export class Scale {
	readonly height: number; /* of the scrolled content */
	readonly #factor: number;

	constructor(
		readonly rows: number,
		readonly rowHeight: number,
		readonly viewHeight: number,
		padding: number,
	) {
		const full = rows * rowHeight + padding;
		this.height = Math.min(full, MAX_HEIGHT_PX);
		this.#factor = full <= MAX_HEIGHT_PX ? 1 : (full - viewHeight) / (MAX_HEIGHT_PX - viewHeight);
	}

	/** The pixel of the log that stands at the top of the view. */
	offsetAt(scrollTop: number): number {
		return scrollTop * this.#factor;
	}

	scrollTopFor(offset: number): number {
		return Math.max(0, offset / this.#factor);
	}
}

/** The lines to draw: the visible ones and `overscan` more on either side. */
export function visibleWindow(index: RowIndex | PlainIndex, scale: Scale, scrollTop: number, overscan: number): Window {
	if (index.lines === 0) return { first: 1, last: 0, top: 0 };
	const offset = scale.offsetAt(scrollTop);
	const firstSeen = index.lineAt(Math.floor(offset / scale.rowHeight));
	const lastSeen = index.lineAt(Math.floor((offset + scale.viewHeight) / scale.rowHeight));
	const first = Math.max(1, firstSeen - overscan);
	const last = Math.min(index.lines, lastSeen + overscan);
	return { first, last, top: index.rowOf(first) * scale.rowHeight - offset + scrollTop };
}
