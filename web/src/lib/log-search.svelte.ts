/* A search in a log: matches come in as the log is read through, and go on coming while it grows. */
import type { LogStore } from "./log-store";

const TYPING_MS = 150;

export class LogSearch {
	text = $state("");
	hits = $state.raw<number[]>([]);
	at = $state(-1); /* which of the hits */
	isSearching = $state(false);

	#store: LogStore;
	#reveal: (line: number) => void;
	#abort: AbortController | null = null;
	#searchedTo = 0;
	#timer = 0;

	constructor(store: LogStore, reveal: (line: number) => void) {
		this.#store = store;
		this.#reveal = reveal;
	}

	/** The line that the search stands on; 0 for none. */
	get current(): number {
		return this.hits[this.at] ?? 0;
	}

	get summary(): string {
		const more = this.isSearching ? "…" : "";
		if (this.hits.length === 0) return this.isSearching ? "searching…" : "no match";
		const count = `${this.hits.length.toLocaleString("en")}${more}`;
		return this.at < 0 ? count : `${(this.at + 1).toLocaleString("en")} of ${count}`;
	}

	start(text: string): void {
		this.close();
		this.text = text;
		this.hits = [];
		this.at = -1;
		this.#searchedTo = 0;
		if (text === "") return;
		this.isSearching = true;
		this.#timer = window.setTimeout(() => void this.#continue(), TYPING_MS);
	}

	/** The log has grown. */
	grow(): void {
		if (this.text !== "" && !this.isSearching && this.#store.total > this.#searchedTo) void this.#continue();
	}

	close(): void {
		clearTimeout(this.#timer);
		this.#abort?.abort();
		this.isSearching = false;
	}

	step(by: number): void {
		if (this.hits.length === 0) return;
		this.at = this.at < 0 && by < 0 ? this.hits.length - 1 : (this.at + by + this.hits.length) % this.hits.length;
		this.#reveal(this.current);
	}

	async #continue(): Promise<void> {
		const abort = new AbortController();
		this.#abort = abort;
		this.isSearching = true;
		await this.#store.search(
			this.text,
			this.#searchedTo + 1,
			(found, searchedTo) => {
				this.#searchedTo = searchedTo;
				this.hits = [...this.hits, ...found];
				if (this.at < 0 && this.hits.length > 0) this.step(1);
			},
			abort.signal,
		);
		if (!abort.signal.aborted) this.isSearching = false;
	}
}
