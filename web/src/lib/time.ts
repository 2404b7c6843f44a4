/* Words for times and durations. Pure: "now" is an argument. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function two(n: number): string {
	return String(n).padStart(2, "0");
}

/** "40ms", "0.4s", "12s", "3m 04s", "2h 05m", "3d 4h". Never negative. */
export function formatDuration(ms: number): string {
	if (ms < 0) return "0s";
	if (ms < 100 && ms >= 1) return `${Math.floor(ms)}ms`;
	if (ms < 10 * SECOND) {
		const tenths = Math.floor(ms / 100);
		return tenths % 10 === 0 ? `${tenths / 10}s` : `${(tenths / 10).toFixed(1)}s`;
	}
	const seconds = Math.floor(ms / SECOND);
	if (ms < MINUTE) return `${seconds}s`;
	if (ms < HOUR) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
	if (ms < DAY) return `${Math.floor(ms / HOUR)}h ${two(Math.floor((ms % HOUR) / MINUTE))}m`;
	return `${Math.floor(ms / DAY)}d ${Math.floor((ms % DAY) / HOUR)}h`;
}

/** The same while it still runs: whole seconds, since tenths would flicker. */
export function formatTicking(ms: number): string {
	return formatDuration(Math.max(0, Math.floor(ms / SECOND) * SECOND));
}

/** "just now", "5 min ago", "3 h ago", "2 days ago", then the date; "in 5 min" for what is to come. */
export function formatRelative(at: number, now: number): string {
	const distance = Math.abs(now - at);
	const isPast = at <= now;
	if (distance < 45 * SECOND) return isPast ? "just now" : "in a moment";
	if (distance >= 7 * DAY) return new Date(at).toISOString().slice(0, 10);
	const days = Math.floor(distance / DAY);
	const amount =
		distance < HOUR
			? `${Math.max(1, Math.round(distance / MINUTE))} min`
			: distance < DAY
				? `${Math.floor(distance / HOUR)} h`
				: days === 1
					? "1 day"
					: `${days} days`;
	return isPast ? `${amount} ago` : `in ${amount}`;
}

/** "2026-11-21 08:24:31 UTC" */
export function formatExact(at: number): string {
	return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "14:05:10 UTC" of today, in full on any other day. */
export function formatClock(at: number, now: number): string {
	const exact = formatExact(at);
	return exact.slice(0, 10) === formatExact(now).slice(0, 10) ? exact.slice(11) : exact;
}

/** Milliseconds between two times of the contract; up to `now` while the second is missing; null before the first. */
export function elapsed(from: string | null, to: string | null, now: number): number | null {
	if (from === null) return null;
	return (to === null ? now : Date.parse(to)) - Date.parse(from);
}

/** "17 B", "1.4 KiB", "23 MiB" */
export function formatBytes(bytes: number): string {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let value = bytes;
	let unit = 0;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
