/* What each state looks like and is called: colour, icon and word always go together. */
import type {
	Alarm,
	Gate,
	GateState,
	Job,
	JobState,
	OpenState,
	RunState,
	RunSummary,
	StageState,
	Step,
	Trigger,
	Wave,
	WaveDeployment,
	Worker,
} from "./model";

export type Tone = "good" | "bad" | "busy" | "wait" | "idle" | "past" | "warn";
export type IconName =
	| "check"
	| "cross"
	| "spin"
	| "pause"
	| "dots"
	| "stop"
	| "skip"
	| "undo"
	| "forward"
	| "lock"
	| "alert"
	| "lost"
	| "drain"
	| "off"
	| "pin";

export interface Look {
	word: string;
	tone: Tone;
	icon: IconName;
}

type StepState = Step["state"];

const RUN: Record<RunState, Look> = {
	pending: { word: "Pending", tone: "idle", icon: "dots" },
	running: { word: "Running", tone: "busy", icon: "spin" },
	waiting: { word: "Waiting", tone: "wait", icon: "pause" },
	succeeded: { word: "Succeeded", tone: "good", icon: "check" },
	failed: { word: "Failed", tone: "bad", icon: "cross" },
	cancelled: { word: "Cancelled", tone: "past", icon: "stop" },
	superseded: { word: "Superseded", tone: "past", icon: "forward" },
	rolled_back: { word: "Rolled back", tone: "warn", icon: "undo" },
};

const STAGE: Record<StageState, Look> = {
	blocked: { word: "Not started", tone: "idle", icon: "dots" },
	gated: { word: "At its gate", tone: "wait", icon: "pause" },
	queued: { word: "Queued", tone: "wait", icon: "dots" },
	running: RUN.running,
	succeeded: RUN.succeeded,
	failed: RUN.failed,
	cancelled: RUN.cancelled,
	skipped: { word: "Skipped", tone: "past", icon: "skip" },
	superseded: RUN.superseded,
	rolled_back: RUN.rolled_back,
};

const JOB: Record<JobState, Look> = {
	blocked: { word: "Not started", tone: "idle", icon: "dots" },
	queued: { word: "Queued", tone: "wait", icon: "dots" },
	leased: { word: "Starting", tone: "busy", icon: "spin" },
	running: RUN.running,
	succeeded: RUN.succeeded,
	failed: RUN.failed,
	cancelled: RUN.cancelled,
	skipped: STAGE.skipped,
	lost: { word: "Worker lost", tone: "bad", icon: "lost" },
};

const STEP: Record<StepState, Look> = {
	pending: { word: "Not started", tone: "idle", icon: "dots" },
	running: RUN.running,
	succeeded: RUN.succeeded,
	failed: RUN.failed,
	skipped: STAGE.skipped,
	cancelled: RUN.cancelled,
};

const GATE: Record<GateState, Look> = {
	open: { word: "Waiting for approval", tone: "wait", icon: "pause" },
	granted: { word: "Approved", tone: "good", icon: "check" },
	refused: { word: "Refused", tone: "bad", icon: "cross" },
	expired: { word: "Expired", tone: "past", icon: "stop" },
	void: { word: "Void", tone: "past", icon: "stop" },
};

const WAVE: Record<Wave["state"], Look> = {
	pending: { word: "Not started", tone: "idle", icon: "dots" },
	deploying: { word: "Deploying", tone: "busy", icon: "spin" },
	verifying: { word: "Verifying", tone: "busy", icon: "spin" },
	baking: { word: "Baking", tone: "busy", icon: "drain" },
	succeeded: RUN.succeeded,
	failed: RUN.failed,
	superseded: RUN.superseded,
	rolled_back: RUN.rolled_back,
};

const DEPLOYMENT: Record<WaveDeployment["state"], Look> = {
	pending: WAVE.pending,
	running: WAVE.deploying,
	verifying: WAVE.verifying,
	live: { word: "Live", tone: "good", icon: "check" },
	failed: RUN.failed,
	superseded: RUN.superseded,
	rolled_back: RUN.rolled_back,
	unknown: { word: "Outcome unknown", tone: "warn", icon: "lost" },
};

const WORKER: Record<Worker["state"], Look> = {
	online: { word: "Online", tone: "good", icon: "check" },
	draining: { word: "Draining", tone: "wait", icon: "drain" },
	offline: { word: "Offline", tone: "past", icon: "off" },
};

const ALARM: Record<Alarm["state"], Look> = {
	ok: { word: "OK", tone: "good", icon: "check" },
	firing: { word: "Firing", tone: "bad", icon: "alert" },
	unknown: { word: "Unknown", tone: "warn", icon: "lost" },
};

const OPEN: Record<OpenState["kind"], Look> = {
	open: { word: "Open", tone: "good", icon: "check" },
	blocker: { word: "Line stopped", tone: "bad", icon: "stop" },
	freeze: { word: "Frozen", tone: "wait", icon: "lock" },
	window: { word: "Closed now", tone: "wait", icon: "lock" },
};

const TRIGGER: Record<Trigger["state"], Look> = {
	pending: { word: "Pending", tone: "busy", icon: "dots" },
	done: { word: "Done", tone: "good", icon: "check" },
	skipped: { word: "Skipped", tone: "past", icon: "skip" },
	failed: { word: "Failed", tone: "bad", icon: "cross" },
};

export const RUN_STATES = Object.keys(RUN) as RunState[];

export function runStateWord(state: RunState): string {
	return RUN[state].word;
}

export const runStateLook = (state: RunState): Look => RUN[state];

export function runLook(run: RunSummary): Look {
	if (run.state === "succeeded" && run.has_warnings) return { word: "With warnings", tone: "warn", icon: "alert" };
	return RUN[run.state];
}

/** A failure that the pipeline allows is a warning: never plain success, never a failed run. */
export function jobLook(job: Job): Look {
	if (job.allow_failure && (job.state === "failed" || job.state === "lost"))
		return { word: "Failed (allowed)", tone: "warn", icon: "alert" };
	return JOB[job.state];
}

export const stageLook = (state: StageState): Look => STAGE[state];
export const stepLook = (state: StepState): Look => STEP[state];
export const gateLook = (gate: Gate): Look => GATE[gate.state];
/** `isHeld`: it waits for something else than its jobs and its bake time. */
export const waveLook = (wave: Wave, isHeld: boolean): Look =>
	isHeld ? { word: "Held", tone: "wait", icon: "pause" } : WAVE[wave.state];
export const deploymentLook = (state: WaveDeployment["state"]): Look => DEPLOYMENT[state];
export const alarmLook = (state: Alarm["state"]): Look => ALARM[state];
export const openLook = (state: OpenState): Look => OPEN[state.kind];
export const workerLook = (worker: Worker): Look => WORKER[worker.state];
export const triggerLook = (trigger: Trigger): Look => TRIGGER[trigger.state];

export function isRunOver(state: RunState): boolean {
	return state !== "pending" && state !== "running" && state !== "waiting";
}

export function isWaveOver(state: Wave["state"]): boolean {
	return state === "succeeded" || state === "failed" || state === "superseded" || state === "rolled_back";
}

/** Its attempt has ended: what is in the log now is all there will be. */
export function isJobOver(state: JobState): boolean {
	return (
		state === "succeeded" || state === "failed" || state === "cancelled" || state === "skipped" || state === "lost"
	);
}

/** The file in public/ that the tab shows. */
export function faviconFor(run: RunSummary | null): string {
	if (run === null) return "/icon-idle.svg";
	const tone = runLook(run).tone;
	return tone === "past" ? "/icon-idle.svg" : `/icon-${tone}.svg`;
}
