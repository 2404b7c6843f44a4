/*
 * Keeps what a page shows up to date where the server has no stream of just that: every run that changes, another version of
 * the configuration, and a slow tick for what changes without one (a window that opens), ask for it again. Never two questions at a time, and never more than
 * one a second, however much goes on.
 */
import { Stream, type ServerEvent, type StreamState } from "./sse";

const SETTLE_MS = 200;
const LEAST_MS = 1000;
const TICK_MS = 15_000;

export class LiveReload {
	link = $state<StreamState>("connecting");
	problem = $state("");

	readonly #load: () => Promise<void>;
	readonly #wakes: string[];
	#streams: Stream[] = [];
	#timer = 0;
	#tick = 0;
	#isLoading = false;
	#isWanted = false;
	#isClosed = false;
	#loadedAt = 0;

	/** `wakes`: the events that concern the page. */
	constructor(load: () => Promise<void>, wakes = ["run", "configuration"]) {
		this.#load = load;
		this.#wakes = wakes;
	}

	/** Other streams are the page's own: what they bring is handed over as it is. */
	open(others: Record<string, (event: ServerEvent) => void> = {}): void {
		this.#streams = [
			new Stream({
				url: "/api/v1/events",
				onEvent: (event) => {
					if (this.#wakes.includes(event.type)) this.#want(SETTLE_MS);
				},
				onState: (state) => {
					if (state === "live" && this.link !== "live") this.#want(0);
					this.link = state;
				},
			}),
			...Object.entries(others).map(
				([url, onEvent]) => new Stream({ url, onEvent, onState: (state) => this.#onOther(state) }),
			),
		];
		this.#tick = window.setInterval(() => {
			if (!document.hidden) this.#want(0);
		}, TICK_MS);
		void this.now();
	}

	/* What it would have told before it was there is asked for. */
	#onOther(state: StreamState): void {
		if (state === "live") this.#want(0);
	}

	close(): void {
		this.#isClosed = true;
		for (const stream of this.#streams) stream.close();
		clearTimeout(this.#timer);
		clearInterval(this.#tick);
	}

	/** At once: somebody has just changed something. */
	async now(): Promise<void> {
		clearTimeout(this.#timer);
		this.#timer = 0;
		this.#isWanted = this.#isLoading;
		if (this.#isLoading || this.#isClosed) return;
		this.#isLoading = true;
		try {
			await this.#load();
			this.problem = "";
		} catch (error) {
			this.problem = error instanceof Error ? error.message : String(error);
		}
		this.#isLoading = false;
		this.#loadedAt = Date.now();
		if (this.#isWanted) this.#want(0);
	}

	#want(pauseMs: number): void {
		if (this.#isLoading) this.#isWanted = true;
		else if (this.#timer === 0 && !this.#isClosed)
			this.#timer = window.setTimeout(() => void this.now(), Math.max(pauseMs, this.#loadedAt + LEAST_MS - Date.now()));
	}
}
