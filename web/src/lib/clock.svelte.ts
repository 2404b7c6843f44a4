/*
 * The time that the pages show: it ticks once a second while something on the page reads it, and it is the server's, so
 * that a browser with a wrong clock shows no run that started in the future.
 */
import { createSubscriber } from "svelte/reactivity";

const TICK_MS = 1000;
/* The Date header is cut to the second: it may be behind by this. */
const DATE_MS = 1000;
const SKEW_TOLERATED_MS = 1000;

let skewMs = 0;

const subscribe = createSubscriber((update) => {
	const timer = setInterval(update, TICK_MS);
	return () => clearInterval(timer);
});

/** The Date of an answer to what was asked at `askedAt`. However long it took: only what lies outside of that time is skew. */
export function learnServerTime(date: string | null, askedAt: number): void {
	const server = date === null ? Number.NaN : Date.parse(date);
	if (Number.isNaN(server)) return;
	const skew = Math.max(0, server - Date.now()) + Math.min(0, server + DATE_MS - askedAt);
	skewMs = Math.abs(skew) > SKEW_TOLERATED_MS ? skew : 0;
}

/** Milliseconds since 1970; a component that reads it is drawn again each second. */
export function now(): number {
	subscribe();
	return Date.now() + skewMs;
}
