/*
 * The lines of one attempt's log, as far as they are here. Lines are numbered from 1 and never change; they come from the
 * tail (append) or are fetched by range when somebody looks at them (ensure), in any order, and are kept in chunks.
 */
import type { LogPart } from "./api";
import { stripAnsi } from "./ansi";

export const CHUNK_LINES = 1000;
/* One request of a search: large enough that 100,000 lines take ten, small enough to show progress. */
const SWEEP_LINES = 10_000;

export type FetchLines = (from: number, lines: number) => Promise<LogPart>;

export class LogStore {
	total = 0;
	isComplete = false;
	/** Why lines are missing; empty after a fetch that worked. */
	problem = "";
	/** The longest line so far in characters, as a guess at the width. */
	widest = 0;

	#chunks = new Map<number, (string | undefined)[]>();
	#present = new Map<number, number>(); /* lines held of each chunk */
	#pending = new Map<number, Promise<void>>();
	#fetch: FetchLines;
	#onChange: () => void;

	constructor(fetch: FetchLines, onChange: () => void = () => {}) {
		this.#fetch = fetch;
		this.#onChange = onChange;
	}

	line(number: number): string | undefined {
		return this.#chunks.get(Math.floor((number - 1) / CHUNK_LINES))?.[(number - 1) % CHUNK_LINES];
	}

	/** Takes lines in, from whichever side; a line that is here already is left alone. */
	append(from: number, lines: string[]): void {
		lines.forEach((text, i) => this.#put(from + i, text));
		this.total = Math.max(this.total, from + lines.length - 1);
		this.#onChange();
	}

	finish(): void {
		this.isComplete = true;
		this.#onChange();
	}

	#put(number: number, text: string): void {
		const index = Math.floor((number - 1) / CHUNK_LINES);
		const chunk = this.#chunks.get(index) ?? [];
		const at = (number - 1) % CHUNK_LINES;
		if (chunk[at] !== undefined) return;
		chunk[at] = text;
		this.#chunks.set(index, chunk);
		this.#present.set(index, (this.#present.get(index) ?? 0) + 1);
		this.widest = Math.max(this.widest, text.length);
	}

	#linesOf(chunk: number): number {
		return Math.min(CHUNK_LINES, this.total - chunk * CHUNK_LINES);
	}

	#isMissing(chunk: number): boolean {
		return (this.#present.get(chunk) ?? 0) < this.#linesOf(chunk);
	}

	/** The first look: how long the log is, and its beginning. */
	async open(): Promise<void> {
		await this.#load(1, CHUNK_LINES);
	}

	/** Fetches what is missing between two lines. Resolves when it is here, or when it failed (problem says why). */
	async ensure(first: number, last: number): Promise<void> {
		const wanted: Promise<void>[] = [];
		const end = Math.min(last, this.total);
		for (let chunk = Math.floor((Math.max(1, first) - 1) / CHUNK_LINES); chunk * CHUNK_LINES < end; chunk++)
			if (this.#isMissing(chunk)) wanted.push(this.#chunk(chunk));
		await Promise.all(wanted);
	}

	#chunk(chunk: number): Promise<void> {
		const pending = this.#pending.get(chunk);
		if (pending) return pending;
		const load = this.#loadWhole(chunk).finally(() => this.#pending.delete(chunk));
		this.#pending.set(chunk, load);
		return load;
	}

	/* A server that does not send what it says it has would be asked for ever. */
	async #loadWhole(chunk: number): Promise<void> {
		await this.#load(chunk * CHUNK_LINES + 1, this.#linesOf(chunk));
		if (this.problem !== "" || !this.#isMissing(chunk)) return;
		this.problem = `The server did not send all lines from ${chunk * CHUNK_LINES + 1} on.`;
		this.#onChange();
	}

	async #load(from: number, lines: number): Promise<void> {
		try {
			const part = await this.#fetch(from, lines);
			this.problem = "";
			this.total = Math.max(this.total, part.total);
			this.isComplete ||= part.isComplete;
			this.append(from, part.lines);
		} catch (error) {
			this.problem = error instanceof Error ? error.message : String(error);
			this.#onChange();
		}
	}

	/**
	 * The numbers of all lines from `from` on that hold the text, in any case, with what is missing fetched on the way.
	 * `onFound` is told after each sweep; a signal ends it early.
	 */
	async search(
		text: string,
		from: number,
		onFound: (numbers: number[], searchedTo: number) => void,
		signal: AbortSignal,
	): Promise<void> {
		const needle = text.toLowerCase();
		for (let start = from; start <= this.total && !signal.aborted; start += SWEEP_LINES) {
			const end = Math.min(this.total, start + SWEEP_LINES - 1);
			await this.#sweep(start, end);
			if (signal.aborted || this.problem !== "") return;
			const found: number[] = [];
			for (let number = start; number <= end; number++)
				if (
					stripAnsi(this.line(number) ?? "")
						.toLowerCase()
						.includes(needle)
				)
					found.push(number);
			onFound(found, end);
		}
	}

	/* Wholly absent chunks in one request rather than one each. */
	async #sweep(first: number, last: number): Promise<void> {
		const firstChunk = Math.floor((first - 1) / CHUNK_LINES);
		const lastChunk = Math.floor((last - 1) / CHUNK_LINES);
		const missing: number[] = [];
		for (let chunk = firstChunk; chunk <= lastChunk; chunk++) if (this.#isMissing(chunk)) missing.push(chunk);
		const from = missing[0];
		if (from !== undefined)
			await this.#load(from * CHUNK_LINES + 1, ((missing.at(-1) as number) - from + 1) * CHUNK_LINES);
	}
}

const ERROR =
	/\b(error|fatal|failed|failure|panic|exception|assert(ion)?|segmentation fault|not found|no such file)\b/i;

/** The first line between two that reads like an error; 0 when none of those that are here does. */
export function firstErrorLine(store: LogStore, first: number, last: number): number {
	for (let number = first; number <= Math.min(last, store.total); number++) {
		const text = stripAnsi(store.line(number) ?? "");
		/* "0 errors" and "no errors" are good news. */
		if (ERROR.test(text) && !/\b(0|no) (errors?|failed|failures?)\b/i.test(text)) return number;
	}
	return 0;
}
