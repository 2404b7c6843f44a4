/* The board as the pages show it: which versions a place runs, what comes, and what marks it. Pure. */
import type { Alarm, Board, BoardPlace, BoardTarget, BoardWaiting, Deployment, Environment, OpenState } from "./model";
import { shortVersion } from "./delivery";
import { openLook, type Look } from "./states";
import { formatExact } from "./time";

/** Targets of one place that run the same version: mostly all of them. */
export interface VersionGroup {
	version: string /* empty: nothing was ever deployed there */;
	targets: BoardTarget[];
	newest: BoardTarget /* the one that it reached last: when, by which run and whom */;
}

export interface Mark {
	look: Look;
	why: string;
	run: string /* that it leads to; empty: none */;
}

/** A service in an environment. */
export interface Place {
	service: string;
	environment: string;
	targets: BoardTarget[];
	versions: VersionGroup[];
	waiting: BoardWaiting[];
	state: OpenState | null;
	pin: string;
	pinReason: string;
}

function groupVersions(targets: BoardTarget[]): VersionGroup[] {
	const groups = new Map<string, VersionGroup>();
	for (const target of targets) {
		const group = groups.get(target.version);
		if (!group) groups.set(target.version, { version: target.version, targets: [target], newest: target });
		else {
			group.targets.push(target);
			if ((target.since ?? "") > (group.newest.since ?? "")) group.newest = target;
		}
	}
	/* What came last stands first; targets without anything, last. */
	return [...groups.values()].sort((a, b) => (b.newest.since ?? "").localeCompare(a.newest.since ?? ""));
}

export function placesOf(board: Board): Place[] {
	const isAt = (place: BoardPlace) => (one: BoardTarget | BoardWaiting) =>
		one.service === place.service && one.environment === place.environment;
	return board.places.map((place) => {
		const targets = board.targets.filter(isAt(place));
		return {
			service: place.service,
			environment: place.environment,
			targets,
			versions: groupVersions(targets),
			waiting: board.waiting.filter(isAt(place)),
			state: place.state,
			pin: place.pin,
			pinReason: place.pin_reason,
		};
	});
}

/** The services of the board, by name. */
export function servicesOf(places: Place[]): string[] {
	return [...new Set(places.map((place) => place.service))].sort((a, b) => a.localeCompare(b));
}

/** "eu-1, eu-2 and 7 more" */
export function namesOf(targets: BoardTarget[], most = 3): string {
	const names = targets.map((target) => target.target);
	if (names.length <= most) return names.join(", ");
	return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

function markOf(targets: BoardTarget[], look: Look, why: (target: BoardTarget) => string, run = ""): Mark[] {
	const [first] = targets;
	return first === undefined ? [] : [{ look, why: why(first), run }];
}

/** What is special about a place. What holds for the whole environment (`around`) is said once, where that is shown. */
export function marksOf(place: Place, around: OpenState | null): Mark[] {
	const unknown = place.targets.filter((target) => target.coming_state === "unknown");
	const coming = place.targets.filter((target) => !["", "unknown"].includes(target.coming_state));
	const failed = place.targets.filter((target) => target.failed_version !== "");
	const condemned = place.targets.filter((target) => target.quarantine_id !== 0);
	const alerted = place.targets.filter((target) => target.alert !== "");
	const stuck = place.targets.filter((target) => target.no_way_back !== "");
	const left = place.targets.filter((target) => target.teardown_tries > 0);
	const expiring = place.targets.filter((target) => target.expires_at !== null && target.teardown_tries === 0);
	const drifted = place.targets.filter((target) => target.report === "drifted");
	const isClosed = place.state !== null && place.state.kind !== "open" && place.state.reason !== around?.reason;
	return [
		...markOf(
			alerted,
			{ word: "Alarm goes on", tone: "bad", icon: "alert" },
			(target) => target.alert,
			alerted[0]?.run,
		),
		...markOf(
			stuck,
			{ word: "No way back", tone: "bad", icon: "alert" },
			(target) => target.no_way_back,
			stuck[0]?.run,
		),
		...markOf(
			left,
			{ word: "Not taken down", tone: "bad", icon: "alert" },
			() => "Its time is over, and what should take it down failed; it is tried again",
		),
		...markOf(
			expiring,
			{ word: "Expires", tone: "idle", icon: "stop" },
			(target) => `Taken down ${target.expires_at === null ? "" : formatExact(Date.parse(target.expires_at))}`,
		),
		...markOf(
			condemned,
			{ word: "Quarantined", tone: "bad", icon: "alert" },
			(target) => `${namesOf(condemned)} still on ${shortVersion(target.version)}: ${target.quarantine}`,
		),
		...markOf(
			drifted,
			{ word: "Drifted", tone: "warn", icon: "alert" },
			(target) =>
				`${namesOf(drifted)} ${drifted.length === 1 ? "says that it runs" : "say that they run"} ${shortVersion(target.reported)}`,
		),
		...markOf(
			unknown,
			{ word: "Outcome unknown", tone: "warn", icon: "lost" },
			(target) => `The worker that deployed ${shortVersion(target.coming_version)} to ${namesOf(unknown)} went silent`,
			unknown[0]?.coming_run,
		),
		...markOf(
			failed,
			{ word: `Failed ${shortVersion(failed[0]?.failed_version ?? "")}`, tone: "bad", icon: "cross" },
			(target) => `${target.failed_run} failed on ${namesOf(failed)}, and nothing has come there since`,
			failed[0]?.failed_run,
		),
		...markOf(
			coming,
			{ word: `Deploying ${shortVersion(coming[0]?.coming_version ?? "")}`, tone: "busy", icon: "spin" },
			(target) => `${target.coming_run} deploys to ${namesOf(coming)}`,
			coming[0]?.coming_run,
		),
		...(isClosed && place.state ? [{ look: openLook(place.state), why: place.state.reason, run: "" }] : []),
		...(place.pin === ""
			? []
			: [
					{
						look: { word: `Pinned to ${shortVersion(place.pin)}`, tone: "idle", icon: "pin" } as const,
						why: place.pinReason,
						run: "",
					},
				]),
	];
}

/** May an override let it go on? It passes what is closed, and nothing else. */
export function isHeldByClosure(waiting: BoardWaiting, place: Place): boolean {
	return waiting.override === "" && place.state !== null && place.state.kind !== "open";
}

/** The alarms that count in an environment: those of its floor, and those that its releases watch. */
export function alarmsOf(all: Alarm[], floor: unknown, board: Board): Alarm[] {
	const ofFloor = (floor as { alarms?: string[] } | undefined)?.alarms ?? [];
	const names = new Set([...ofFloor, ...[...board.targets, ...board.waiting].flatMap((one) => one.alarms)]);
	return all.filter((alarm) => names.has(alarm.name));
}

/** When a freeze holds and for whom: "freeze "fair" for web from 2026-11-21 08:00:00 UTC until it is taken out". */
export function describeFreeze(freeze: Environment["freezes"][number]): string {
	const parts = [
		`freeze "${freeze.name}"`,
		freeze.services.length > 0 ? `for ${freeze.services.join(", ")}` : "",
		freeze.from === "" ? "" : `from ${formatExact(Date.parse(freeze.from))}`,
		freeze.until === "" ? "until it is taken out" : `until ${formatExact(Date.parse(freeze.until))}`,
	];
	return parts.filter((part) => part !== "").join(" ");
}

/** Versions of a history, each once, the newest first. */
export function versionsOf(
	deployments: Deployment[],
	fits: (deployment: Deployment) => boolean = () => true,
): string[] {
	return [...new Set(deployments.filter(fits).map((deployment) => deployment.version))];
}

/** The first page again, in front of the older ones that were loaded on demand. */
export function mergeHistory(held: Deployment[], fresh: Deployment[]): Deployment[] {
	const oldest = fresh.at(-1)?.id ?? 0;
	return [...fresh, ...held.filter((deployment) => deployment.id < oldest)];
}

/** What somebody wants to do about a delivery, before it is confirmed. */
export type Ask =
	| { do: "roll_back" | "deploy"; service: string; environment: string; version?: string }
	| { do: "resolve"; run: string; target: string; version: string; environment: string }
	| { do: "override" | "accept"; run: string; environment: string }
	| { do: "release"; id: number; service: string; environment: string; version: string; why: string }
	| { do: "stop"; environment: string /* empty: everything */ }
	| { do: "lift"; id: number; what: string; why: string };
/** Two points to be compared. */
export interface Compare {
	service: string;
	from: string;
	to: string;
	title: string;
}
export type Rights = Board["why_not"];
