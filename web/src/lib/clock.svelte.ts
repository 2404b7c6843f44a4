/*
 * The time that the pages show: it ticks once a second while something on the page reads it, and it is the server's, so
 * that a browser with a wrong clock shows no run that started in the future.
 */
import { createSubscriber } from "svelte/reactivity";

const TICK_MS = 1000;
/* The Date header has a resolution of a second and travels a while: less than this is no skew. */
const SKEW_TOLERATED_MS = 2000;

let skewMs = 0;

const subscribe = createSubscriber((update) => {
	const timer = setInterval(update, TICK_MS);
	return () => clearInterval(timer);
});

export function learnServerTime(date: string | null): void {
	const server = date === null ? Number.NaN : Date.parse(date);
	if (Number.isNaN(server)) return;
	const skew = server - Date.now();
	skewMs = Math.abs(skew) > SKEW_TOLERATED_MS ? skew : 0;
}

/** Milliseconds since 1970; a component that reads it is drawn again each second. */
export function now(): number {
	subscribe();
	return Date.now() + skewMs;
}
