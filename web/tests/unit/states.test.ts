import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { faviconFor, isRunOver, jobLook, RUN_STATES, runLook, waveLook } from "../../src/lib/states";
import { makeJob, makeSummary } from "../mock-data";
import { makeWave } from "../mock-deliveries";

test("a failure that is allowed looks like neither success nor failure", () => {
	expect(jobLook(makeJob(1, 1, "audit", { state: "failed", allow_failure: true })).tone).toBe("warn");
	expect(jobLook(makeJob(1, 1, "audit", { state: "succeeded", allow_failure: true })).tone).toBe("good");
	expect(runLook(makeSummary(1, 0, { state: "succeeded", has_warnings: true })).tone).toBe("warn");
	expect(runLook(makeSummary(1, 0, { state: "failed", has_warnings: true })).tone).toBe("bad");
});

test("every state has an icon for the tab, as a file", () => {
	for (const state of RUN_STATES)
		expect(existsSync(new URL(`../../public${faviconFor(makeSummary(1, 0, { state }))}`, import.meta.url)), state).toBe(
			true,
		);
});

test("states that end a run", () => {
	expect(RUN_STATES.filter(isRunOver)).toEqual(["succeeded", "failed", "cancelled", "superseded", "rolled_back"]);
});

test("no two states of a run look alike, in word or in icon and colour", () => {
	const looks = RUN_STATES.map((state) => runLook(makeSummary(1, 0, { state })));
	expect(new Set(looks.map((look) => look.word)).size).toBe(RUN_STATES.length);
	expect(new Set(looks.map((look) => `${look.icon} ${look.tone}`)).size).toBe(RUN_STATES.length);
});

test("a wave that is held says so, whatever it was about to do", () => {
	expect(waveLook(makeWave(1, [], { state: "baking" }), true).word).toBe("Held");
	expect(waveLook(makeWave(1, [], { state: "baking" }), false).word).toBe("Baking");
});
