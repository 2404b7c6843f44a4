/*
 * A server in memory that keeps the contract of server/api/openapi.yaml as the pages use it, streams and their resumption
 * included. A test holds it in its hand: it changes runs, writes logs, cuts connections and looks at what was asked.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { AlarmEvent, Gate, Job, Run, RunSummary, RunUpdate, Stage } from "../src/lib/model";
import { answerBoard, exampleChanges, type MockBoard } from "./mock-board.ts";
import { addVersion, answerConfiguration } from "./mock-configuration.ts";
import { makeJob, makeStage, makeSummary, nothingSaid, type MockData } from "./mock-data.ts";
import { PEOPLE, Refusal, type Person } from "./mock-people.ts";

/* As strict as the server's own: a page that needs more fails its test. */
const CSP =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html";
const TYPES: Record<string, string> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript",
	".css": "text/css",
	".svg": "image/svg+xml",
};

const ALARMS = -1;

interface Listener {
	response: ServerResponse;
	run: number | null; /* null: the list of all runs */
	job: number | null; /* ALARMS: no job, the alarms */
	person: Person;
	next: number; /* the next line of a log to send */
}

export class MockServer {
	readonly data: MockData;
	/** Every request that changed something, as "POST /path {body}". */
	readonly asked: string[] = [];
	/** What the next request that would change something is refused with; empty: none is. */
	refusal = "";
	/** While it is set every connection is cut at once. */
	isDown = false;
	/** Headers of every stream that was opened. */
	readonly resumed: { path: string; lastEventId: string | undefined }[] = [];

	#listeners = new Set<Listener>();
	#journal = new Map<number, { id: number; update: RunUpdate }[]>();
	#seq = 1;
	#nextId = 5000;
	#server: Server | null = null;
	#timers: NodeJS.Timeout[] = [];

	constructor(data: MockData) {
		this.data = data;
	}

	/* ---- What a test does ---- */

	async listen(staticDir: string): Promise<string> {
		this.#server = createServer((request, response) => {
			if (this.isDown) {
				request.socket.destroy();
				return;
			}
			if (!this.handleApi(request, response)) this.#sendFile(staticDir, request, response);
		});
		await new Promise<void>((resolve) => this.#server?.listen(0, "127.0.0.1", resolve));
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	async close(): Promise<void> {
		this.#timers.forEach((timer) => clearInterval(timer));
		this.dropStreams();
		this.#server?.closeAllConnections();
		await new Promise((resolve) => this.#server?.close(resolve));
	}

	run(name: string): Run {
		const run = this.data.runs.find((candidate) => candidate.run.name === name);
		if (!run) throw new Refusal(404, "not_found", `there is no run ${name}`);
		return run;
	}

	job(id: number): Job {
		const job = this.data.runs
			.flatMap((run) => run.stages.flatMap((stage) => stage.jobs ?? []))
			.find((one) => one.id === id);
		if (!job) throw new Refusal(404, "not_found", `there is no job ${id}`);
		return job;
	}

	/** Changes a run and tells everybody who watches. */
	change(name: string, parts: { run?: Partial<RunSummary>; stages?: Stage[]; gates?: Gate[]; jobs?: Job[] }): void {
		const run = this.run(name);
		Object.assign(run.run, parts.run, { version: run.run.version + 1 });
		for (const stage of parts.stages ?? []) Object.assign(run.stages.find((one) => one.id === stage.id) ?? {}, stage);
		for (const gate of parts.gates ?? [])
			Object.assign(run.stages.find((one) => one.id === gate.stage_id) ?? {}, { gate });
		for (const job of parts.jobs ?? []) {
			const jobs = run.stages.find((one) => one.id === job.stage_id)?.jobs ?? [];
			const at = jobs.findIndex((one) => one.id === job.id);
			jobs.splice(at < 0 ? jobs.length : at, 1, job);
		}
		const bare = (parts.stages ?? []).map(({ gate: _gate, jobs: _jobs, ...stage }) => stage as Stage);
		const update: RunUpdate = structuredClone({
			run: run.run,
			alert: run.alert,
			ways_back: run.ways_back,
			...{ stages: bare, gates: parts.gates ?? [], jobs: parts.jobs ?? [] },
		});
		this.#journal.set(run.run.id, [...(this.#journal.get(run.run.id) ?? []), { id: run.run.version, update }]);
		for (const listener of this.#listeners)
			if (listener.run === run.run.id)
				this.#emit(listener, "update", run.run.version, this.#seenBy(listener.person, update));
		this.#announce(run.run);
	}

	changeJob(name: string, id: number, given: Partial<Job>): void {
		this.change(name, { jobs: [{ ...this.job(id), ...given }] });
	}

	changeStage(name: string, id: number, given: Partial<Stage>): void {
		const stage = this.run(name).stages.find((one) => one.id === id);
		if (stage) this.change(name, { stages: [{ ...stage, ...given }] });
	}

	/** Changes the board, and a run with it, as a release does. */
	changeBoard(change: (board: MockBoard) => void): void {
		change(this.data.board);
		const run = this.data.runs[0];
		if (run) this.change(run.run.name, {});
	}

	tellAlarm(given: Partial<AlarmEvent> & { name: string }): void {
		const alarm = this.data.board.alarms.find((one) => one.name === given.name);
		Object.assign(alarm ?? {}, given);
		for (const listener of this.#listeners)
			if (listener.job === ALARMS) this.#emit(listener, "alarm", this.#seq++, alarm);
	}

	/** Another version comes into force, and whoever watches hears of it. */
	configure(by: string, text: string, comment: string, from = 0): number {
		const version = addVersion(this.data.configuration, by, text, comment, from);
		for (const listener of this.#listeners)
			if (listener.run === null && listener.job === null)
				this.#emit(listener, "configuration", this.#seq++, { version });
		return version;
	}

	addRun(run: Run): void {
		this.data.runs.unshift(run);
		this.#announce(run.run);
	}

	print(job: number, lines: string[]): void {
		const log = this.data.logs.get(job) ?? { lines: [], isComplete: false };
		this.data.logs.set(job, log);
		lines.forEach((line) => log.lines.push(line));
		this.#feedLogs();
	}

	endLog(job: number): void {
		const log = this.data.logs.get(job);
		if (log) log.isComplete = true;
		this.#feedLogs();
	}

	/** Cuts every open stream, as a restart would. */
	dropStreams(): void {
		for (const listener of this.#listeners) listener.response.destroy();
		this.#listeners.clear();
	}

	get streams(): number {
		return this.#listeners.size;
	}

	/** Lets the running example go on for ever, for somebody who looks at it. */
	play(): void {
		let n = 0;
		this.#timers.push(
			setInterval(() => this.print(4, [`\x1b[2m${new Date().toISOString()}\x1b[0m compiled module ${++n}`]), 400),
		);
	}

	/* ---- HTTP ---- */

	handleApi(request: IncomingMessage, response: ServerResponse): boolean {
		const url = new URL(request.url ?? "/", "http://mock");
		if (!url.pathname.startsWith("/api/")) return false;
		let body = "";
		request.setEncoding("utf8");
		request.on("data", (piece: string) => (body += piece));
		request.on("end", () => {
			try {
				this.#route(request, url, body === "" ? {} : JSON.parse(body), response);
			} catch (error) {
				const refusal = error instanceof Refusal ? error : new Refusal(500, "bug", String(error));
				this.#json(response, refusal.status, {
					error: { kind: refusal.kind, message: refusal.message, details: refusal.details },
				});
			}
		});
		return true;
	}

	#json(response: ServerResponse, status: number, body?: unknown): void {
		response.writeHead(status, { "Content-Type": "application/json" });
		response.end(body === undefined ? "" : JSON.stringify(body));
	}

	#caller(request: IncomingMessage, url: URL): Person {
		const name = /penstock_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
		if (!(name in PEOPLE)) throw new Refusal(401, "denied", "sign in first");
		const person = PEOPLE[name as keyof typeof PEOPLE];
		if (request.method !== "GET") {
			if (request.headers["x-csrf-token"] !== person.csrf)
				throw new Refusal(403, "denied", "the X-CSRF-Token header does not fit the session");
			if (person.role === "viewer" && url.pathname !== "/api/v1/logout")
				throw new Refusal(403, "denied", "a viewer may not do that");
		}
		return person;
	}

	#route(request: IncomingMessage, url: URL, body: Record<string, unknown>, response: ServerResponse): void {
		const path = url.pathname.replace("/api/v1", "").split("/").map(decodeURIComponent);
		const [, noun = "", id = "", verb = "", detail = ""] = path;
		if (noun === "login") return this.#login(body, response);
		const person = this.#caller(request, url);
		if (request.method !== "GET" && url.pathname !== "/api/v1/configuration/diff") {
			this.asked.push(`${request.method} ${url.pathname} ${JSON.stringify(body)}`);
			const refusal = this.refusal;
			this.refusal = "";
			if (refusal !== "") throw new Refusal(409, "conflict", refusal);
		}
		if (noun === "configuration")
			return this.#json(response, 200, answerConfiguration(this, `${request.method} ${id}`, path, url, body, person));
		switch (
			`${request.method} ${noun}${id === "" ? "" : "/ID"}${verb === "" ? "" : `/${verb}`}${detail === "" ? "" : `/${detail}`}`
		) {
			case "POST logout":
				response.setHeader("Set-Cookie", "penstock_session=; Path=/; Max-Age=0");
				response.writeHead(204).end();
				return;
			case "GET me":
				return this.#json(response, 200, person);
			case "GET repositories":
				return this.#json(response, 200, { repositories: this.data.repositories });
			case "GET repositories/ID/pipelines": {
				const list = this.data.pipelines.get(id);
				const ref = url.searchParams.get("ref") ?? "main";
				if (!list) throw new Refusal(404, "not_found", `there is no repository "${id}"`);
				if (![...list.branches, ...list.tags].includes(ref))
					throw new Refusal(404, "not_found", `the repository has no branch, tag or commit "${ref}"`);
				return this.#json(response, 200, list);
			}
			case "GET board":
				return this.#json(response, 200, answerBoard(this.data.board, url.searchParams.get("environment"), person));
			case "GET environments":
				return this.#json(response, 200, {
					environments: this.data.board.environments.map((one) => ({
						...one,
						targets: one.targets.map((target) => target.name),
					})),
					version: 1,
				});
			case "GET environments/ID": {
				const environment = this.data.board.environments.find((one) => one.name === id);
				if (!environment) throw new Refusal(404, "not_found", `no environment "${id}"`);
				return this.#json(response, 200, environment);
			}
			case "GET services/ID/changes": {
				const [from, to] = ["from", "to"].map((name) => url.searchParams.get(name) ?? "");
				return this.#json(response, 200, exampleChanges(from ?? "", to ?? "", Date.now()));
			}
			case "GET alarms":
				return this.#json(response, 200, { alarms: this.data.board.alarms });
			case "GET events/ID":
				this.#listen(response, { run: null, job: ALARMS, person, next: 0 }, url.pathname, request);
				return;
			case "GET deployments":
				return this.#deployments(url, response);
			case "POST deployments":
			case "POST rollbacks":
				return this.#start({ repository: String(body["service"]), pipeline: "ci" }, response);
			case "POST runs/ID/resolve":
			case "POST runs/ID/accept":
			case "POST runs/ID/override":
				return this.#json(response, 200, this.run(id).run);
			case "POST quarantine/ID/release":
				for (const target of this.data.board.targets)
					if (target.quarantine_id === Number(id)) Object.assign(target, { quarantine_id: 0, quarantine: "" });
				response.writeHead(204).end();
				return;
			case "GET blockers":
				return this.#json(response, 200, { blockers: this.data.board.blockers, next: null });
			case "POST blockers": {
				const stop = {
					id: this.#nextId++,
					service: "",
					environment: String(body["environment"] ?? ""),
					reason: String(body["reason"]),
					placed_by: person.name,
					placed_at: new Date().toISOString(),
					lifted_by: "",
					lifted_at: null,
					lift_reason: "",
				};
				this.data.board.blockers.unshift(stop);
				return this.#json(response, 201, stop);
			}
			case "POST blockers/ID/lift": {
				const { blockers } = this.data.board;
				const at = blockers.findIndex((one) => one.id === Number(id));
				if (at < 0) throw new Refusal(404, "not_found", `no stop ${id} stands`);
				return this.#json(response, 200, blockers.splice(at, 1)[0]);
			}
			case "GET triggers":
				return this.#json(response, 200, { triggers: this.data.triggers, next: null });
			case "GET workers":
				return this.#json(response, 200, { workers: this.data.workers });
			case "POST workers/ID/drain":
			case "POST workers/ID/resume": {
				const worker = this.data.workers.find((one) => String(one.id) === id || one.name === id);
				if (!worker) throw new Refusal(404, "not_found", `there is no worker ${id}`);
				worker.state = verb === "drain" ? "draining" : "online";
				return this.#json(response, 200, worker);
			}
			case "GET runs":
				return this.#list(url, response);
			case "POST runs":
				return this.#start(body, response);
			case "GET runs/ID":
				return this.#json(response, 200, this.#seenBy(person, this.run(id)));
			case "GET runs/ID/findings":
				return this.#json(response, 200, this.data.findings.get(this.run(id).run.id) ?? { findings: [], tests: [] });
			case "GET runs/ID/artifacts":
				return this.#json(response, 200, { artifacts: this.data.artifacts.get(this.run(id).run.id) ?? [] });
			case "GET runs/ID/events":
				return this.#watchRun(this.run(id), person, request, response);
			case "POST runs/ID/cancel":
				this.change(id, {
					run: {
						state: "cancelled",
						ended_at: new Date().toISOString(),
						reason: `cancelled by ${person.name}${body["reason"] ? `: ${String(body["reason"])}` : ""}.`,
					},
				});
				return this.#json(response, 200, this.run(id).run);
			case "POST runs/ID/retry":
				return this.#retry(id, body["job"] as string | undefined, response);
			case "POST runs/ID/rerun":
				return this.#start({ repository: this.run(id).run.repository, pipeline: this.run(id).run.pipeline }, response);
			case "GET events":
				this.#listen(response, { run: null, job: null, person, next: 0 }, "/api/v1/events", request);
				return;
			case "GET jobs/ID/log":
				return this.#log(Number(id), url, response);
			case "GET jobs/ID/log/stream": {
				const last = Number(request.headers["last-event-id"] ?? 0);
				const next = last > 0 ? last + 1 : Number(url.searchParams.get("from") ?? 1);
				this.#listen(response, { run: null, job: Number(id), person, next }, url.pathname, request);
				return this.#feedLogs();
			}
			case "POST gates/ID/approve":
			case "POST gates/ID/reject":
				return this.#decide(Number(id), person, verb === "approve", String(body["comment"] ?? ""), response);
			default:
				throw new Refusal(404, "not_found", `there is no ${request.method} ${url.pathname}`);
		}
	}

	#login(body: Record<string, unknown>, response: ServerResponse): void {
		const name = String(body["name"]);
		if (!(name in PEOPLE) || body["password"] !== "secret")
			throw new Refusal(401, "denied", "name or password is wrong");
		response.setHeader("Set-Cookie", `penstock_session=${name}; Path=/; HttpOnly; SameSite=Strict`);
		this.#json(response, 200, PEOPLE[name as keyof typeof PEOPLE]);
	}

	#list(url: URL, response: ServerResponse): void {
		const wanted = ["repository", "pipeline", "branch", "state"] as const;
		const before = Number(url.searchParams.get("before") ?? Infinity);
		const limit = Number(url.searchParams.get("limit") ?? 50);
		const fitting = this.data.runs
			.map((run) => run.run)
			.filter((run) => wanted.every((name) => [null, run[name]].includes(url.searchParams.get(name))))
			.filter((run) => run.id < before);
		const runs = fitting.slice(0, limit);
		this.#json(response, 200, { runs, next: fitting.length > limit ? String(runs.at(-1)?.id) : null });
	}

	#deployments(url: URL, response: ServerResponse): void {
		const before = Number(url.searchParams.get("before") ?? Infinity);
		const limit = Number(url.searchParams.get("limit") ?? 50);
		const fitting = this.data.board.deployments
			.filter((one) =>
				(["service", "environment"] as const).every((name) => [null, one[name]].includes(url.searchParams.get(name))),
			)
			.filter((one) => one.id < before);
		const deployments = fitting.slice(0, limit);
		const next = fitting.length > limit ? (deployments.at(-1)?.id ?? null) : null;
		this.#json(response, 200, { deployments, next });
	}

	#start(body: Record<string, unknown>, response: ServerResponse): void {
		const repository = String(body["repository"]);
		const ticket = (body["inputs"] as Record<string, string> | undefined)?.["ticket"];
		if (ticket === "OLD-1")
			throw new Refusal(400, "invalid", 'pipeline "load-test" cannot be planned', [
				{ file: ".penstock/load-test.yaml", line: 9, column: 3, message: 'input "ticket": "OLD-1" is closed' },
			]);
		const number =
			Math.max(0, ...this.data.runs.filter((run) => run.run.repository === repository).map((run) => run.run.number)) +
			1;
		const id = this.#nextId++;
		const pipeline = String(body["pipeline"]);
		const run: Run = {
			run: makeSummary(id, Date.now(), {
				repository,
				number,
				pipeline,
				event: "manual",
				state: "pending",
				started_at: null,
			}),
			inputs: (body["inputs"] ?? {}) as Record<string, string>,
			...nothingSaid(),
			stages: [makeStage(id, 0, "test", { jobs: [makeJob(id, id, "unit", { state: "queued" })] })],
		};
		this.addRun(run);
		this.#json(response, 201, run.run);
	}

	#retry(name: string, job: string | undefined, response: ServerResponse): void {
		const run = this.run(name);
		const again = run.stages
			.flatMap((stage) => stage.jobs ?? [])
			.filter((one) => one.state === "failed" && (job === undefined || String(one.id) === job));
		if (again.length === 0) throw new Refusal(409, "conflict", "no job of this run has failed");
		this.change(name, {
			run: { state: "running", ended_at: null, reason: "" },
			jobs: again.map((one) => ({
				...one,
				state: "queued",
				reason: "",
				message: "Waits for a worker.",
				started_at: null,
				ended_at: null,
				steps: [],
			})),
		});
		this.#json(response, 200, run.run);
	}

	#decide(id: number, person: Person, isYes: boolean, comment: string, response: ServerResponse): void {
		const run = this.data.runs.find((one) => one.stages.some((stage) => stage.gate?.id === id));
		const gate = run?.stages.find((stage) => stage.gate?.id === id)?.gate;
		if (!run || !gate) throw new Refusal(404, "not_found", `there is no gate ${id}`);
		if (gate.state !== "open") throw new Refusal(409, "conflict", `the gate is ${gate.state} already`);
		const decided_at = new Date().toISOString();
		const approved = gate.approved + (isYes ? 1 : 0);
		const state = !isYes ? "refused" : approved >= gate.approvals ? "granted" : "open";
		const changed: Gate = {
			...gate,
			approved,
			state,
			may_decide: false,
			why_not: "you have decided already",
			decided_at: state === "open" ? null : decided_at,
			reason: isYes ? "" : `by ${person.name}`,
			decisions: [
				...gate.decisions,
				{ account: person.name, verdict: isYes ? "approve" : "reject", comment, decided_at, not_before: null },
			],
		};
		const stage = run.stages.find((one) => one.id === gate.stage_id) as Stage;
		this.change(run.run.name, {
			run:
				state === "granted"
					? { state: "running", waiting_for: "" }
					: state === "refused"
						? { state: "cancelled", waiting_for: "", ended_at: decided_at, reason: changed.reason }
						: {},
			stages:
				state === "granted"
					? [{ ...stage, state: "succeeded" }]
					: state === "refused"
						? [{ ...stage, state: "cancelled" }]
						: [],
			gates: [changed],
		});
		this.#json(response, 200, changed);
	}

	#log(job: number, url: URL, response: ServerResponse): void {
		this.job(job);
		const log = this.data.logs.get(job) ?? { lines: [], isComplete: false };
		const from = Number(url.searchParams.get("from") ?? 1);
		const count = Number(url.searchParams.get("lines") ?? log.lines.length);
		const lines = log.lines.slice(from - 1, from - 1 + count);
		response.writeHead(200, {
			"Content-Type": "text/plain; charset=utf-8",
			"Penstock-Log-Lines": log.lines.length,
			"Penstock-Log-Complete": String(log.isComplete),
		});
		response.end(lines.map((line) => `${line}\n`).join(""));
	}

	/* ---- Streams ---- */

	#emit(listener: Listener, type: string, id: number, data: unknown): void {
		listener.response.write(`event: ${type}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
	}

	#listen(
		response: ServerResponse,
		listener: Omit<Listener, "response">,
		path: string,
		request: IncomingMessage,
	): Listener {
		const lastEventId = request.headers["last-event-id"];
		this.resumed.push({ path, lastEventId: Array.isArray(lastEventId) ? lastEventId[0] : lastEventId });
		const opened = { ...listener, response };
		response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
		response.write(": open\n\n");
		this.#listeners.add(opened);
		response.on("close", () => this.#listeners.delete(opened));
		return opened;
	}

	#watchRun(run: Run, person: Person, request: IncomingMessage, response: ServerResponse): void {
		const listener = this.#listen(
			response,
			{ run: run.run.id, job: null, person, next: 0 },
			`/api/v1/runs/${run.run.name}/events`,
			request,
		);
		const last = request.headers["last-event-id"];
		if (last === undefined) return this.#emit(listener, "snapshot", run.run.version, this.#seenBy(person, run));
		for (const { id, update } of this.#journal.get(run.run.id) ?? [])
			if (id > Number(last)) this.#emit(listener, "update", id, this.#seenBy(person, update));
	}

	#announce(run: RunSummary): void {
		for (const listener of this.#listeners)
			if (listener.run === null && listener.job === null) this.#emit(listener, "run", this.#seq++, run);
	}

	#feedLogs(): void {
		for (const listener of this.#listeners) {
			const log = listener.job === null ? undefined : this.data.logs.get(listener.job);
			if (!log) continue;
			if (listener.next <= log.lines.length) {
				this.#emit(listener, "lines", log.lines.length, {
					from: listener.next,
					lines: log.lines.slice(listener.next - 1),
				});
				listener.next = log.lines.length + 1;
			}
			if (log.isComplete) {
				this.#emit(listener, "end", log.lines.length, { state: "succeeded", reason: "exit" });
				listener.response.end();
			}
		}
	}

	/* Gates say whether the caller may decide: a viewer never may. */
	#seenBy<T extends Run | RunUpdate>(person: Person, value: T): T {
		if (person.role !== "viewer") return value;
		const seen = structuredClone(value);
		const gates = [
			...("gates" in seen ? seen.gates : []),
			...seen.stages.flatMap((stage) => (stage.gate ? [stage.gate] : [])),
		];
		for (const gate of gates)
			Object.assign(gate, {
				may_decide: false,
				why_not: "it takes two people of the groups release or qa; you are in none of these groups",
			});
		return seen;
	}

	#sendFile(dir: string, request: IncomingMessage, response: ServerResponse): void {
		const wanted = normalize(new URL(request.url ?? "/", "http://mock").pathname);
		const path = join(dir, wanted);
		const isFile = path.startsWith(dir) && existsSync(path) && statSync(path).isFile();
		const file = isFile ? path : join(dir, "index.html");
		response.writeHead(200, {
			"Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
			"Content-Security-Policy": CSP,
		});
		createReadStream(file).pipe(response);
	}
}
