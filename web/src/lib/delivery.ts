/* Environment stages as the pages show them: which job belongs to which wave and target, and how far a bake is. Pure. */
import type { Job, Run, Stage, StageDelivery, Wave, WaveDeployment } from "./model";
import { isWaveOver } from "./states";
import { formatClock, formatDuration, formatTicking } from "./time";

const PREVIEW = "preview";
const DEPLOY = "deploy";

/** What the key of a job says about its place: "prod/deploy[target=eu-1]", "prod/load[shard=2,wave=1]". */
export function placeOf(key: string): { target: string; wave: number } | null {
	const match = /[[,](target|wave)=([^,\]]+)\]$/.exec(key);
	if (!match?.[2]) return null;
	return match[1] === "wave" ? { target: "", wave: Number(match[2]) } : { target: match[2], wave: 0 };
}

/** A name that tells a job from its siblings: those of an environment stage differ by target or wave alone. */
export function jobName(run: Run, job: Job): string {
	const stage = run.stages.find((one) => one.id === job.stage_id);
	const place = stage?.delivery ? placeOf(job.key) : null;
	if (place === null) return job.name;
	return `${job.name} ${place.target === "" ? `wave ${place.wave}` : place.target}`;
}

export interface TargetView {
	target: string;
	deployment: WaveDeployment | null /* the last: a retry makes another */;
	deploy: Job | null;
	jobs: Job[] /* verification and tests of this target */;
}
export interface WaveView {
	wave: Wave;
	targets: TargetView[];
	jobs: Job[] /* tests of the wave as a whole */;
}
export interface DeliveryView {
	previews: Job[];
	waves: WaveView[];
	others: Job[];
}

export function layOut(delivery: StageDelivery, jobs: Job[]): DeliveryView {
	const view: DeliveryView = { previews: [], waves: [], others: [] };
	const byTarget = new Map<string, TargetView>();
	const byNumber = new Map<number, WaveView>();
	for (const wave of delivery.waves) {
		const targets: TargetView[] = wave.targets.map((target) => ({
			target,
			deployment: wave.deployments.findLast((one) => one.target === target) ?? null,
			deploy: null,
			jobs: [],
		}));
		for (const target of targets) byTarget.set(target.target, target);
		view.waves.push({ wave, targets, jobs: [] });
		byNumber.set(wave.number, view.waves.at(-1) as WaveView);
	}
	for (const job of jobs) {
		const place = placeOf(job.key);
		const target = byTarget.get(place?.target ?? "");
		const wave = byNumber.get(place?.wave ?? 0);
		if (target && job.name === PREVIEW) view.previews.push(job);
		else if (target && job.name === DEPLOY) target.deploy = job;
		else if (target) target.jobs.push(job);
		else if (wave) wave.jobs.push(job);
		else view.others.push(job);
	}
	return view;
}

/** The jobs whose output approvers want to have read. */
export function previewsOf(stage: Stage): Job[] {
	return stage.delivery ? layOut(stage.delivery, stage.jobs ?? []).previews : [];
}

export interface Bake {
	share: number /* of the time, 0 to 1 */;
	text: string;
	isUnderWay: boolean;
}

/** The watched time of a wave: planned, under way or past; null when there is none. */
export function bakeOf(wave: Wave, now: number): Bake | null {
	if (wave.state === "baking" && wave.bake_until !== null && wave.baking_since !== null) {
		const since = Date.parse(wave.baking_since);
		const until = Date.parse(wave.bake_until);
		const left = until - now;
		const share = until > since ? Math.min(1, Math.max(0, (now - since) / (until - since))) : 1;
		const text =
			left > 0 ? `Bakes until ${formatClock(until, now)}, ${formatTicking(left)} left` : "The bake time is over";
		return { share, text, isUnderWay: true };
	}
	if (wave.bake_ms === 0) return null;
	if (!isWaveOver(wave.state))
		return { share: 0, text: `Then bakes for ${formatDuration(wave.bake_ms)}`, isUnderWay: false };
	if (wave.baking_since === null || wave.ended_at === null) return null;
	const took = Date.parse(wave.ended_at) - Date.parse(wave.baking_since);
	return { share: 1, text: `Baked for ${formatDuration(took)}`, isUnderWay: false };
}

/** What a wave waits for, unless it is its bake time, which the countdown tells. */
export function heldBy(wave: Wave, now: number): string {
	if (isWaveOver(wave.state)) return "";
	if (wave.state === "baking" && wave.bake_until !== null && Date.parse(wave.bake_until) > now) return "";
	return wave.held;
}

/** Does a wave say already what the whole run waits for? */
export function isToldByWave(run: Run): boolean {
	const waves = run.stages.flatMap((stage) => stage.delivery?.waves ?? []);
	return waves.some((wave) => !isWaveOver(wave.state) && wave.held !== "" && wave.held === run.run.waiting_for);
}

/** "2 of 3 waves" */
export function waveTally(delivery: StageDelivery): string {
	const done = delivery.waves.filter((wave) => wave.state === "succeeded").length;
	const count = delivery.waves.length;
	return `${done} of ${count} ${count === 1 ? "wave" : "waves"}`;
}

/** What happens by itself. */
export function reactionsOf(delivery: StageDelivery): string {
	const word = { rollback: "rolls back", stop: "stops" };
	const failure = `A failure ${word[delivery.on_failure]}`;
	if (delivery.alarms.length === 0) return `${failure}.`;
	return delivery.on_alarm === delivery.on_failure
		? `An alarm or a failure ${word[delivery.on_alarm]}.`
		: `An alarm ${word[delivery.on_alarm]}, a failure ${word[delivery.on_failure]}.`;
}

/** Digests and commit ids at a length that still tells them apart; other versions as they are. */
export function shortVersion(version: string): string {
	const match = /^((?:sha256:)?[0-9a-f]{12})[0-9a-f]{20,}$/.exec(version);
	return match?.[1] ?? version;
}

/** The stage that deserves the room: the environment stage that was begun last. */
export function focusOf(stages: Stage[]): number | null {
	const begun = stages.filter((stage) => stage.delivery && (stage.started_at !== null || stage.state === "gated"));
	return begun.at(-1)?.id ?? null;
}
