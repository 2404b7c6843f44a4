/*
 * Server-sent events over fetch. The browser's EventSource cannot back off, cannot tell why it was refused, and drops a
 * stream for good on an error status; this one resumes with Last-Event-ID after growing pauses until it is closed.
 *
 * A browser opens six connections to one server, over all its tabs: a hidden tab therefore lets its streams go after a
 * while and resumes them when it is looked at again.
 */
import { ApiError, send } from "./api";

export interface ServerEvent {
	type: string;
	data: string;
	id: string;
}

/** Cuts a text stream into events, however the pieces fall. */
export class EventParser {
	#rest = "";
	#type = "";
	#data: string[] = [];
	lastId = "";

	feed(text: string): ServerEvent[] {
		const events: ServerEvent[] = [];
		this.#rest += text;
		const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			const event = this.#line(line);
			if (event) events.push(event);
		}
		return events;
	}

	#line(line: string): ServerEvent | null {
		if (line === "") return this.#dispatch();
		const colon = line.indexOf(":");
		if (colon === 0) return null; /* a comment: the stream is alive */
		const name = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
		if (name === "event") this.#type = value;
		else if (name === "data") this.#data.push(value);
		else if (name === "id") this.lastId = value;
		return null;
	}

	#dispatch(): ServerEvent | null {
		const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.lastId };
		const isEmpty = this.#data.length === 0;
		this.#type = "";
		this.#data = [];
		return isEmpty ? null : event;
	}
}

export type StreamState = "connecting" | "live" | "reconnecting" | "closed";

export interface StreamOptions {
	url: string;
	onEvent: (event: ServerEvent) => void;
	onState?: (state: StreamState) => void;
	/** The server refused for good (404, 403): the stream is closed. */
	onRefused?: (error: ApiError) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/* The contract promises a comment every 15 seconds: three missed ones mean that the connection is dead. */
const SILENCE_MS = 45_000;
const HIDDEN_MS = 10_000;

/** Doubles with each failure, and spreads, so that a restarted server is not met by all browsers at once. */
export function pauseBefore(failures: number, random: number): number {
	const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1));
	return Math.round(full * (0.75 + random / 2));
}

export class Stream {
	#options: StreamOptions;
	#lastId = "";
	#failures = 0;
	#isClosed = false;
	#isPaused = false;
	#attempt: AbortController | null = null;
	#retryTimer = 0;
	#hiddenTimer = 0;

	constructor(options: StreamOptions) {
		this.#options = options;
		document.addEventListener("visibilitychange", this.#onVisibility);
		window.addEventListener("online", this.#retryNow);
		this.#onVisibility();
		if (!this.#isPaused) void this.#connect();
	}

	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		document.removeEventListener("visibilitychange", this.#onVisibility);
		window.removeEventListener("online", this.#retryNow);
		clearTimeout(this.#hiddenTimer);
		clearTimeout(this.#retryTimer);
		this.#attempt?.abort();
		this.#tell("closed");
	}

	#tell(state: StreamState): void {
		this.#options.onState?.(state);
	}

	#onVisibility = (): void => {
		clearTimeout(this.#hiddenTimer);
		if (document.hidden) {
			this.#hiddenTimer = window.setTimeout(() => {
				this.#isPaused = true;
				this.#attempt?.abort();
			}, HIDDEN_MS);
		} else if (this.#isPaused) {
			this.#isPaused = false;
			void this.#connect();
		}
	};

	#retryNow = (): void => {
		if (this.#attempt === null && !this.#isPaused) void this.#connect();
	};

	async #connect(): Promise<void> {
		clearTimeout(this.#retryTimer);
		if (this.#isClosed) return;
		const attempt = new AbortController();
		this.#attempt?.abort();
		this.#attempt = attempt;
		if (this.#failures === 0) this.#tell("connecting");
		try {
			const headers: Record<string, string> = { Accept: "text/event-stream" };
			if (this.#lastId !== "") headers["Last-Event-ID"] = this.#lastId;
			await this.#read(await send("GET", this.#options.url, { headers, signal: attempt.signal }), attempt);
		} catch (error) {
			if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
				if (!this.#isClosed) this.#options.onRefused?.(error);
				this.close();
				return;
			}
		}
		if (this.#attempt === attempt) this.#again();
	}

	#again(): void {
		this.#attempt = null;
		if (this.#isClosed || this.#isPaused) return;
		this.#failures++;
		this.#tell("reconnecting");
		this.#retryTimer = window.setTimeout(() => void this.#connect(), pauseBefore(this.#failures, Math.random()));
	}

	async #read(response: Response, attempt: AbortController): Promise<void> {
		const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
		if (!reader) return;
		const parser = new EventParser();
		parser.lastId = this.#lastId;
		this.#tell("live");
		let silence = 0;
		try {
			for (;;) {
				silence = window.setTimeout(() => attempt.abort(), SILENCE_MS);
				const { value, done } = await reader.read();
				clearTimeout(silence);
				if (done) return;
				this.#failures = 0;
				for (const event of parser.feed(value)) {
					if (attempt.signal.aborted) return;
					this.#lastId = event.id;
					this.#options.onEvent(event);
				}
			}
		} finally {
			clearTimeout(silence);
		}
	}
}
