/*
 * The board of the example runs in mock-deliveries.ts, and what the mock server answers about it. Three services: one whose
 * release bakes, one with all that can be wrong with a place, and one that has never reached prod.
 */
import type {
	Changes,
	Alarm,
	Blocker,
	Board,
	BoardPlace,
	BoardTarget,
	BoardWaiting,
	Deployment,
	Environment,
	OpenState,
} from "../src/lib/model";

export interface MockBoard {
	targets: BoardTarget[];
	waiting: BoardWaiting[];
	places: BoardPlace[];
	environments: Environment[];
	blockers: Blocker[];
	alarms: Alarm[];
	deployments: Deployment[];
}

export const OPEN: OpenState = { kind: "open", reason: "", since: null, until: null };
const ROLES: Record<string, string> = { roll_back: "developer", deploy: "developer" };
const ACTIONS = ["roll_back", "deploy", "resolve", "accept", "override", "release", "stop", "lift"] as const;
const WRONG = 'alarm "web-5xx" fired in wave 2 of prod: 7.3 above 1';

export function makeBoard(): MockBoard {
	return { targets: [], waiting: [], places: [], environments: [], blockers: [], alarms: [], deployments: [] };
}

export function makeTarget(
	service: string,
	environment: string,
	target: string,
	given: Partial<BoardTarget> = {},
): BoardTarget {
	return {
		service,
		environment,
		position: 0,
		target,
		version: "1.4.1",
		commit: "9b2f4c1d7e8a60355c4f21b0a7d3e9f1c2b4a680",
		run: "shop#49",
		actor: "ann",
		state: "live",
		since: null,
		quarantine_id: 0,
		quarantine: "",
		coming_run: "",
		coming_version: "",
		coming_state: "",
		failed_run: "",
		failed_version: "",
		alarms: [],
		report: "",
		reported: "",
		report_problem: "",
		alert: "",
		no_way_back: "",
		expires_at: null,
		teardown_tries: 0,
		reported_at: null,
		differs_since: null,
		...given,
	};
}

function makeWaiting(
	service: string,
	environment: string,
	run: string,
	given: Partial<BoardWaiting> = {},
): BoardWaiting {
	return {
		service,
		environment,
		run,
		stage: environment,
		state: "gated",
		version: "1.4.3",
		commit: "3f9c1e7ab0d24f6c8e5a1b7d90c2f4e6a8b1d3c5",
		waiting_for: "",
		waiting_since: null,
		override: "",
		is_asked: false,
		alarms: [],
		created_at: null,
		...given,
	};
}

export function makePlace(service: string, environment: string, given: Partial<BoardPlace> = {}): BoardPlace {
	return { service, environment, state: OPEN, pin: "", pin_reason: "", ...given };
}

function makeEnvironment(name: string, targets: string[], given: Partial<Environment> = {}): Environment {
	return {
		name,
		description: "",
		tier: "",
		order: 0,
		lane: "newest",
		targets: targets.map((target, i) => ({
			name: target,
			account: "",
			region: target.split("-")[0] ?? "",
			url: `http://${target}.example.com`,
			probe: "",
			wave: i + 1,
			exclusive: false,
			variables: {},
			labels: [],
			windows: [],
			state: given.state ?? OPEN,
		})),
		state: OPEN,
		variables: {},
		windows: [],
		floor: {},
		policies: [],
		checks: [],
		freezes: [],
		pins: [],
		...given,
	};
}

function makeAlarm(name: string, given: Partial<Alarm> = {}): Alarm {
	return {
		name,
		state: "ok",
		since: null,
		fired_at: null,
		pending_since: null,
		sampled_at: null,
		value: 0.2,
		outcome: "fine",
		message: "0.2 is not above 1",
		is_dry_run: false,
		kind: "prometheus",
		condition: "errors above 1",
		description: "",
		link: "",
		for_ms: 0,
		interval_ms: 15_000,
		min_points: 1,
		...given,
	};
}

export function exampleBoard(now: number): MockBoard {
	const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();
	const frozen: OpenState = {
		kind: "freeze",
		reason: 'the freeze "stocktaking" until 2027-01-04T00:00:00Z: counting is under way',
		since: ago(90_000),
		until: ago(-400_000),
	};
	const digest = `sha256:${"4f1d2c3b5a69".padEnd(64, "0a")}`;
	const here = { since: ago(780), run: "shop#53", version: "1.4.2", alarms: ["web-5xx", "web-latency"] };
	const before = { since: ago(86_500), alarms: ["web-5xx", "web-latency"] };
	return {
		targets: [
			makeTarget("shop", "staging", "staging", { ...here, since: ago(1860), alarms: [] }),
			makeTarget("shop", "prod", "eu-canary", { ...here, since: ago(1470) }),
			makeTarget("shop", "prod", "eu-1", here),
			makeTarget("shop", "prod", "eu-2", {
				...before,
				version: digest,
				run: "shop#50",
				state: "rolled_back",
				quarantine_id: 7,
				quarantine: WRONG,
				coming_run: "shop#51",
				coming_version: "1.4.0",
				coming_state: "unknown",
			}),
			makeTarget("shop", "prod", "us-1", {
				...before,
				report: "drifted",
				reported: "1.4.0",
				reported_at: ago(20),
				differs_since: ago(3700),
			}),
			makeTarget("stock", "staging", "staging", { version: "7.0", run: "stock#12", actor: "bob", since: ago(7200) }),
			makeTarget("stock", "prod", "eu-1", { version: "6.9", run: "stock#9", actor: "bob", since: ago(700_000) }),
			makeTarget("stock", "prod", "us-1", {
				version: "6.9",
				run: "stock#9",
				actor: "bob",
				since: ago(700_100),
				report: "unknown",
				report_problem: "it answers with 503",
				reported_at: ago(20),
			}),
			makeTarget("mail", "staging", "staging", {
				version: "2.1",
				run: "mail#4",
				actor: "eve",
				since: ago(86_400 * 3),
				coming_run: "mail#5",
				coming_version: "2.2",
				coming_state: "running",
			}),
		],
		waiting: [
			makeWaiting("shop", "prod", "shop#52", { waiting_for: 'approval of stage "prod"' }),
			makeWaiting("stock", "prod", "stock#12", {
				state: "queued",
				version: "7.0",
				waiting_for: `${frozen.reason} to end`,
			}),
		],
		places: [
			makePlace("shop", "staging"),
			makePlace("shop", "prod"),
			makePlace("stock", "staging"),
			makePlace("stock", "prod", { state: frozen, pin: "6.9", pin_reason: "acceptance until January" }),
			makePlace("mail", "staging"),
		],
		environments: [
			makeEnvironment("staging", ["staging"]),
			makeEnvironment("prod", ["eu-canary", "eu-1", "eu-2", "us-1"], {
				tier: "production",
				floor: { alarms: ["web-5xx"] },
				windows: [{ deny: "Fri 15:00-24:00 Europe/Berlin", reason: "and stay" }],
				freezes: [
					{
						name: "stocktaking",
						services: ["stock"],
						from: "",
						until: "2027-01-04T00:00:00Z",
						reason: "counting is under way",
					},
				],
				pins: [{ name: "stock-in-prod", service: "stock", version: "6.9", reason: "acceptance until January" }],
			}),
			makeEnvironment("sandbox/ann", ["box"], {
				tier: "sandbox",
				lane: "fifo",
				state: { kind: "blocker", reason: "stopped by ann: disk is full", since: ago(600), until: null },
			}),
		],
		blockers: [
			{
				id: 3,
				service: "",
				environment: "sandbox/ann",
				reason: "disk is full",
				placed_by: "ann",
				placed_at: ago(600),
				lifted_by: "",
				lifted_at: null,
				lift_reason: "",
			},
		],
		alarms: [
			makeAlarm("web-5xx", { since: ago(5000), state: "firing", message: "7.3 is above 1", value: 7.3 }),
			makeAlarm("web-latency", { since: ago(90_000), link: "http://grafana.example.com/d/latency" }),
			makeAlarm("mail-queue", { state: "unknown", message: "it was never sampled" }),
		],
		deployments: [
			["shop", "eu-1", "1.4.2", "1.4.1", "live", "shop#53", 780],
			["shop", "eu-canary", "1.4.2", "1.4.1", "live", "shop#53", 1470],
			["shop", "eu-2", "1.4.0", digest, "unknown", "shop#51", 6000],
			["shop", "eu-2", digest, "1.4.1", "rolled_back", "shop#50", 6500],
			["shop", "us-1", "1.4.1", "1.4.0", "live", "shop#49", 86_500],
			["stock", "eu-1", "6.9", "", "live", "stock#9", 700_000],
		].map(([service, target, version, previous, state, run, seconds], i) => ({
			id: 100 - i,
			run: String(run),
			kind: run === "shop#51" ? ("rollback" as const) : ("normal" as const),
			service: String(service),
			environment: "prod",
			target: String(target),
			version: String(version),
			previous: String(previous),
			alert: "",
			state: state as Deployment["state"],
			actor: run === "shop#51" ? "" : "ann",
			started_at: ago(Number(seconds) + 30),
			ended_at: ago(Number(seconds)),
			baked_at: state === "live" && Number(seconds) > 1000 ? ago(Number(seconds) - 600) : null,
		})),
	};
}

/** What lies between two points: always the same two commits. */
export function exampleChanges(from: string, to: string, now: number): Changes {
	return {
		from: { name: from, version: from === "prod" ? "1.4.1" : from, commit: "9b2f4c1d7e8a60355c4f21b0a7d3e9f1c2b4a680" },
		to: { name: to, version: "", commit: "3f9c1e7ab0d24f6c8e5a1b7d90c2f4e6a8b1d3c5" },
		commits: [
			["3f9c1e7ab0d24f6c8e5a1b7d90c2f4e6a8b1d3c5", "Show prices with tax", "Ann Keller"],
			["77d0a1be2c934f5e8b6d1a2c3e4f5061728394a5", "Round the sum once, at the end", "Ben Ortiz"],
		].map(([commit = "", title = "", author = ""], i) => ({
			commit,
			title,
			author,
			committed_at: new Date(now - (i + 1) * 5_000_000).toISOString(),
		})),
		total: 14,
		reverted: 0,
		is_counted: true,
	};
}

/** The board as the server answers it: of one environment or of all, and what the caller may. */
export function answerBoard(
	held: MockBoard,
	environment: string | null,
	caller: { name: string; role: string },
): Board {
	const fits = (one: { environment: string }) => environment === null || one.environment === environment;
	const whyNot = (action: string) =>
		caller.role === "viewer" ? `this takes the role ${ROLES[action] ?? "operator"}; ${caller.name} is a viewer` : "";
	return {
		targets: held.targets.filter(fits),
		waiting: held.waiting.filter(fits),
		places: held.places.filter(fits),
		why_not: Object.fromEntries(ACTIONS.map((action) => [action, whyNot(action)])) as Board["why_not"],
	};
}
