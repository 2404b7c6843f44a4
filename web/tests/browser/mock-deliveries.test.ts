/* Environment stages in Chromium against the mock server: waves, bakes, holds, previews beside the gate, rollbacks. */
import { expect, test } from "vitest";
import type { Wave } from "../../src/lib/model";
import { exampleRuns } from "../mock-data.ts";
import { makeDeployment, withDeliveries } from "../mock-deliveries.ts";
import * as flows from "./flows.ts";
import { base, begin, mock, page } from "./mock-fixture.ts";

const open = (options = {}) => begin(withDeliveries(exampleRuns(Date.now()), Date.now()), "ann", options);

const PROD = 532;
const wave = (name: string) =>
	page.getByRole("list", { name: "Waves of prod" }).locator("li.wave", { hasText: `Wave ${name}` });

/* Changes one wave, the way updates come: with its stage, which brings neither jobs nor gate. */
function changeWave(number: number, given: Partial<Wave>): void {
	const delivery = structuredClone(mock.run("shop#53").stages.find((stage) => stage.id === PROD)?.delivery);
	if (!delivery) throw new Error("the example has no delivery");
	Object.assign(delivery.waves.find((one) => one.number === number) ?? {}, given);
	mock.changeStage("shop#53", PROD, { delivery });
}

test("waves stand in order with their targets, versions, tests and logs", async () => {
	await open();
	await flows.openRunFromList(page, base, "shop#53");
	expect(await page.getByRole("list", { name: "Waves of prod" }).locator("h3").allTextContents()).toEqual([
		"Wave 1: one box",
		"Wave 2: europe",
		"Wave 3",
	]);
	const europe = wave("2");
	await europe.getByText("Baking", { exact: true }).waitFor();
	await europe.getByRole("progressbar", { name: "Bake time of wave 2" }).waitFor();
	await europe.getByText(/Bakes until .*, [123]m \d\ds left/).waitFor();
	/* The countdown says it; neither the wave nor the head of the page repeats it. */
	expect(await page.getByText("Waits for").count()).toBe(0);
	await europe.locator("a.job", { hasText: "load" }).waitFor();
	await europe.locator("a.target", { hasText: "eu-1" }).click();
	await page.getByRole("region", { name: "Log of deploy eu-1" }).waitFor();
	await flows.seeInLog(page, "3 of 3 instances replaced");
	/* What is over is folded, and opens. */
	const staging = page.getByRole("list", { name: "Waves of staging" });
	expect(await staging.isVisible()).toBe(false);
	await page.getByRole("heading", { name: "Delivery to staging" }).click();
	await staging.locator("a.target", { hasText: "staging" }).waitFor();
});

test("waves go on, are held and end before one's eyes", async () => {
	await open();
	await flows.openRun(page, base, "shop#53");
	const now = new Date().toISOString();
	const points = 'data points of the alarm "web-5xx": 7 of 20';
	changeWave(2, { bake_until: now, held: points });
	await wave("2").getByText(`Waits for ${points}`).waitFor();
	await wave("2").getByText("Held", { exact: true }).waitFor();
	changeWave(2, { state: "succeeded", held: "", ended_at: now });
	changeWave(3, {
		state: "deploying",
		started_at: now,
		deployments: [makeDeployment(5324, "us-1", { state: "running", started_at: now })],
	});
	await wave("2").getByText("Baked for").waitFor();
	await wave("3").getByText("Deploying", { exact: true }).first().waitFor();
	await wave("3").locator("a.target", { hasText: "us-1" }).getByText("1.4.1").waitFor();
	await page.locator("li.stage", { hasText: "prod" }).getByText("2 of 3 waves").waitFor();
	/* The jobs, which the updates did not bring, are still here. */
	await wave("2").locator("a.job", { hasText: "load" }).waitFor();
});

test("approvers find the logs of the previews beside the button", async () => {
	await open();
	await flows.openRun(page, base, "shop#52");
	const gate = page.getByRole("region", { name: "Gate of prod" });
	await gate.getByRole("button", { name: "Approve" }).waitFor();
	await gate.getByRole("link", { name: /eu-1/ }).click();
	await page.getByRole("region", { name: "Log of preview eu-1" }).waitFor();
	await flows.seeInLog(page, "+ prices: gross");
	await flows.approve(page, "Looks right.");
});

test("a rollback is marked in the list and on its page; what it takes back looks like it", async () => {
	await open();
	await page.goto(`${base}/`);
	await page.locator("li", { hasText: "shop#51" }).getByText("rollback", { exact: true }).first().waitFor();
	await page.locator("li", { hasText: "shop#50" }).getByText("Rolled back", { exact: true }).waitFor();
	await flows.openRun(page, base, "shop#51");
	await page.locator("h1").getByText("rollback", { exact: true }).waitFor();
	await wave("1").getByText("Waits for an operator to say how the deployment to eu-2 ended").waitFor();
	await wave("1").locator("a.target", { hasText: "eu-2" }).getByText("Outcome unknown").waitFor();
});

test("axe finds no barrier, in the dark and on a phone, and nothing is wider than the screen", async () => {
	await open();
	for (const run of ["shop#53", "shop#52", "shop#50"]) {
		await flows.openRun(page, base, run);
		await page.getByRole("list", { name: "Waves of prod" }).waitFor();
		await flows.seeNoBarrierInAnyLook(page);
	}
});
