/*
 * Requests to /api/v1. Every function either resolves to what the contract promises or throws an ApiError whose message
 * can be shown as it is. The session is a cookie that the browser keeps; the CSRF token that goes with it lives here.
 */
import { learnServerTime } from "./clock.svelte";
import type {
	Alarm,
	Artifact,
	Blocker,
	Board,
	Changes,
	ConfigurationChange,
	ConfigurationDiff,
	ConfigurationInForce,
	ConfigurationVersion,
	Deployment,
	Environment,
	EnvironmentSummary,
	ErrorBody,
	FileError,
	Findings,
	Gate,
	Me,
	PipelineList,
	Repository,
	Run,
	RunSummary,
	Trigger,
	Worker,
} from "./model";

export class ApiError extends Error {
	constructor(
		readonly status: number /* 0: the server was not reached */,
		readonly kind: string,
		message: string,
		readonly details: FileError[] = [],
	) {
		super(message);
	}
}

let csrf = "";
let onSignedOut = (): void => {};

/** Tells the session store that the cookie no longer counts. */
export function whenSignedOut(callback: () => void): void {
	onSignedOut = callback;
}

async function refusal(response: Response): Promise<ApiError> {
	try {
		const { error } = (await response.json()) as ErrorBody;
		return new ApiError(response.status, error.kind, error.message, error.details);
	} catch {
		return new ApiError(response.status, "unknown", `The server answered ${response.status} ${response.statusText}.`);
	}
}

/** The one place that calls fetch. `signal` may end it early, with an AbortError. */
export async function send(
	method: string,
	path: string,
	options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
	const headers: Record<string, string> = { ...options.headers };
	const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
	if (method !== "GET" && csrf !== "") headers["X-CSRF-Token"] = csrf;
	if (options.body !== undefined) {
		headers["Content-Type"] = "application/json";
		init.body = JSON.stringify(options.body);
	}
	if (options.signal) init.signal = options.signal;
	const askedAt = Date.now();
	let response: Response;
	try {
		response = await fetch(path, init);
	} catch (error) {
		if (error instanceof DOMException && error.name === "AbortError") throw error;
		throw new ApiError(0, "unreachable", "The server cannot be reached.");
	}
	learnServerTime(response.headers.get("Date"), askedAt);
	if (response.ok) return response;
	const failure = await refusal(response);
	if (failure.status === 401 && path !== "/api/v1/login") onSignedOut();
	throw failure;
}

async function get<T>(path: string): Promise<T> {
	return (await send("GET", path)).json() as Promise<T>;
}

async function post<T>(path: string, body: unknown = {}): Promise<T> {
	const response = await send("POST", path, { body });
	return (response.status === 204 ? undefined : await response.json()) as T;
}

async function put<T>(path: string, body: unknown): Promise<T> {
	return (await send("PUT", path, { body })).json() as Promise<T>;
}

/** "?a=1&b=2" of the values that are not empty. */
export function query(values: Record<string, string | number | undefined>): string {
	const pairs = new URLSearchParams();
	for (const [name, value] of Object.entries(values))
		if (value !== undefined && value !== "") pairs.set(name, String(value));
	const text = pairs.toString();
	return text === "" ? "" : `?${text}`;
}

/** The path of one run, by its name ("web#42"). */
export function runPath(run: string): string {
	return `/api/v1/runs/${encodeURIComponent(run)}`;
}

function remember(me: Me): Me {
	csrf = me.csrf;
	return me;
}

export interface RunFilter {
	repository?: string;
	pipeline?: string;
	branch?: string;
	state?: string;
}

export interface DeploymentFilter {
	service?: string;
	environment?: string;
	limit?: number;
	before?: number;
}

export interface LogPart {
	lines: string[];
	total: number; /* lines stored when this was read */
	isComplete: boolean;
}

/** The lines of a text of complete lines; a last line without its newline counts too. */
export function splitLines(text: string): string[] {
	if (text === "") return [];
	const lines = text.split("\n");
	if (lines.at(-1) === "") lines.pop();
	return lines;
}

export const api = {
	login: async (name: string, password: string) => remember(await post<Me>("/api/v1/login", { name, password })),
	logout: () => post<void>("/api/v1/logout"),
	me: async () => remember(await get<Me>("/api/v1/me")),
	setPassword: (account: string, current: string, password: string) =>
		post<void>(`/api/v1/accounts/${encodeURIComponent(account)}/password`, { current, password }),

	runs: (filter: RunFilter, before?: string) =>
		get<{ runs: RunSummary[]; next: string | null }>(`/api/v1/runs${query({ ...filter, before })}`),
	run: (run: string) => get<Run>(runPath(run)),
	startRun: (body: { repository: string; pipeline: string; ref?: string; inputs?: Record<string, string> }) =>
		post<RunSummary>("/api/v1/runs", body),
	cancel: (run: string, reason: string) => post<RunSummary>(`${runPath(run)}/cancel`, reason === "" ? {} : { reason }),
	retry: (run: string, job?: string) => post<RunSummary>(`${runPath(run)}/retry`, job === undefined ? {} : { job }),
	rerun: (run: string) => post<RunSummary>(`${runPath(run)}/rerun`),
	artifacts: async (run: string) => (await get<{ artifacts: Artifact[] }>(`${runPath(run)}/artifacts`)).artifacts,
	findings: (run: string) => get<Findings>(`${runPath(run)}/findings`),

	approve: (gate: number, comment: string, not_before = "") =>
		post<Gate>(`/api/v1/gates/${gate}/approve`, not_before === "" ? { comment } : { comment, not_before }),
	reject: (gate: number, comment: string) => post<Gate>(`/api/v1/gates/${gate}/reject`, { comment }),

	board: (environment?: string) => get<Board>(`/api/v1/board${query({ environment })}`),
	environments: async () => (await get<{ environments: EnvironmentSummary[] }>("/api/v1/environments")).environments,
	environment: (name: string) => get<Environment>(`/api/v1/environments/${encodeURIComponent(name)}`),
	deployments: (filter: DeploymentFilter) =>
		get<{ deployments: Deployment[]; next: number | null }>(`/api/v1/deployments${query({ ...filter })}`),
	changes: (service: string, from: string, to: string) =>
		get<Changes>(`/api/v1/services/${encodeURIComponent(service)}/changes${query({ from, to })}`),
	alarms: async () => (await get<{ alarms: Alarm[] }>("/api/v1/alarms")).alarms,
	blockers: async () => (await get<{ blockers: Blocker[] }>("/api/v1/blockers")).blockers,
	stop: (body: { reason: string; service?: string; environment?: string }) => post<Blocker>("/api/v1/blockers", body),
	lift: (blocker: number, reason: string) => post<Blocker>(`/api/v1/blockers/${blocker}/lift`, { reason }),
	rollBack: (body: { service: string; environment: string; reason: string; to?: string }) =>
		post<RunSummary>("/api/v1/rollbacks", body),
	deploy: (body: { service: string; environment: string; version: string }) =>
		post<RunSummary>("/api/v1/deployments", body),
	resolve: (run: string, target: string, verdict: string) =>
		post<RunSummary>(`${runPath(run)}/resolve`, { target, verdict }),
	accept: (run: string, reason: string) => post<RunSummary>(`${runPath(run)}/accept`, { reason }),
	override: (run: string, reason: string) => post<unknown>(`${runPath(run)}/override`, { reason }),
	release: (quarantine: number, reason: string) => post<void>(`/api/v1/quarantine/${quarantine}/release`, { reason }),

	configuration: () => get<ConfigurationInForce>("/api/v1/configuration"),
	configurationText: async (version: number) =>
		(await get<{ text: string }>(`/api/v1/configuration/versions/${version}`)).text,
	configurationVersions: (before?: string) =>
		get<{ versions: ConfigurationVersion[]; next: string | null }>(
			`/api/v1/configuration/versions${query({ before })}`,
		),
	/** Without `from`: with the version before it. */
	compareVersions: (version: number, from?: number) =>
		get<ConfigurationDiff>(`/api/v1/configuration/versions/${version}/diff${query({ from })}`),
	compareConfiguration: (text: string) => post<ConfigurationDiff>("/api/v1/configuration/diff", { text }),
	applyConfiguration: (text: string, version: number, comment: string) =>
		put<ConfigurationChange>("/api/v1/configuration", { text, version, comment }),
	revertConfiguration: (to: number, version: number, comment: string) =>
		post<ConfigurationChange>("/api/v1/configuration/revert", { to, version, comment }),

	repositories: async () => (await get<{ repositories: Repository[] }>("/api/v1/repositories")).repositories,
	pipelines: (repository: string, ref: string) =>
		get<PipelineList>(`/api/v1/repositories/${encodeURIComponent(repository)}/pipelines${query({ ref })}`),
	triggers: (repository: string, before?: string) =>
		get<{ triggers: Trigger[]; next: string | null }>(`/api/v1/triggers${query({ repository, before })}`),
	workers: async () => (await get<{ workers: Worker[] }>("/api/v1/workers")).workers,
	drain: (worker: number) => post<Worker>(`/api/v1/workers/${worker}/drain`),
	resume: (worker: number) => post<Worker>(`/api/v1/workers/${worker}/resume`),

	async log(job: number, attempt: number, from: number, lines: number): Promise<LogPart> {
		const response = await send("GET", `/api/v1/jobs/${job}/log${query({ attempt, from, lines })}`);
		return {
			lines: splitLines(await response.text()),
			total: Number(response.headers.get("Penstock-Log-Lines") ?? 0),
			isComplete: response.headers.get("Penstock-Log-Complete") === "true",
		};
	},
};
