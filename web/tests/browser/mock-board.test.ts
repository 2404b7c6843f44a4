/* The board and the page of an environment in Chromium against the mock server: what they show, and what can be done there. */
import { expect, test } from "vitest";
import { exampleRuns } from "../mock-data.ts";
import { withDeliveries } from "../mock-deliveries.ts";
import * as flows from "./flows.ts";
import { base, begin, mock, page } from "./mock-fixture.ts";

const open = (person = "ann", options = {}) =>
	begin(withDeliveries(exampleRuns(Date.now()), Date.now()), person, options);
const cell = (service: string, column: number) =>
	page
		.getByRole("row", { name: new RegExp(`^${service} `) })
		.getByRole("cell")
		.nth(column);
const service = (name: string) => page.getByRole("region", { name, exact: true });
const confirm = (action: string) => page.getByRole("dialog").getByRole("button", { name: action, exact: true });

async function openEnvironment(name: string): Promise<void> {
	await page.goto(`${base}/environments/${name}`);
	await page.getByRole("heading", { level: 1, name }).waitFor();
	await page.getByRole("heading", { name: "History" }).waitFor();
}

test("the board says what runs where, what comes, what waits and why, and goes on before one's eyes", async () => {
	await open();
	await page.getByRole("link", { name: "Board" }).click();
	const prod = cell("shop", 1);
	await prod.getByRole("link", { name: "1.4.2", exact: true }).waitFor();
	await prod.getByText("on eu-canary, eu-1").waitFor();
	await prod.getByText("Quarantined").waitFor();
	await prod.getByText('waits for approval of stage "prod"').waitFor();
	await cell("stock", 1).getByText("Pinned to 6.9").waitFor();
	await cell("mail", 0).getByText("Deploying 2.2").waitFor();
	await page
		.getByRole("columnheader", { name: /sandbox\/ann/ })
		.getByText("Line stopped")
		.waitFor();
	mock.changeBoard((board) => {
		for (const target of board.targets)
			if (target.service === "mail") Object.assign(target, { version: "2.2", coming_state: "", coming_run: "" });
	});
	await cell("mail", 0).getByRole("link", { name: "2.2", exact: true }).waitFor();
	await cell("mail", 0).getByText("Deploying").waitFor({ state: "detached" });
});

test("what a release would bring is told at the gate, on the board and in the history", async () => {
	await open();
	await flows.openRun(page, base, "shop#52");
	const gate = page.getByRole("region", { name: "Gate of prod" });
	await gate.getByText("14 commits since 1.4.1").click();
	await gate.getByText("Round the sum once, at the end").waitFor();
	await gate.getByText("and 12 more").waitFor();
	await flows.seeNoBarrier(page);
	await page.goto(`${base}/board`);
	await page.getByRole("button", { name: "What shop#52 would bring to prod" }).click();
	await page.getByRole("dialog").getByText("Show prices with tax").waitFor();
	await page.keyboard.press("Escape");
	await openEnvironment("prod");
	await page.getByRole("button", { name: "Commits from 1.4.1 to 1.4.2" }).first().click();
	await page.getByRole("dialog", { name: "shop from 1.4.1 to 1.4.2" }).getByText("14 commits since 1.4.1").waitFor();
});

test("from the board to an environment, to a run, and back to the environment", async () => {
	await open();
	await page.goto(`${base}/board`);
	await cell("shop", 1).getByRole("link", { name: "1.4.2", exact: true }).click();
	await page.getByRole("heading", { level: 1, name: "prod" }).waitFor();
	await service("shop").getByRole("link", { name: "shop#53" }).first().click();
	await page.getByRole("heading", { level: 1, name: "shop#53" }).waitFor();
	await page.getByRole("link", { name: "What runs in prod" }).click();
	await page.getByRole("heading", { level: 1, name: "prod" }).waitFor();
});

test("an environment shows its alarms as they change, its rules and its history", async () => {
	await open();
	await openEnvironment("prod");
	const alarms = page.getByRole("region", { name: "Alarms" });
	await alarms
		.getByRole("row", { name: /web-5xx/ })
		.getByText("Firing")
		.waitFor();
	expect(await alarms.getByText("mail-queue").count()).toBe(0);
	mock.tellAlarm({ name: "web-5xx", state: "ok", message: "0.1 is not above 1" });
	await alarms
		.getByRole("row", { name: /web-5xx/ })
		.getByText("OK", { exact: true })
		.waitFor();
	await page.getByText('freeze "stocktaking" for stock until').waitFor();
	await page
		.getByRole("region", { name: "History" })
		.getByRole("row", { name: /shop#51 rollback/ })
		.waitFor();
});

test("what a target says that it runs stands beside what was deployed", async () => {
	await open();
	await openEnvironment("prod");
	await service("shop")
		.getByRole("row", { name: /^us-1/ })
		.getByText(/says it runs 1.4.0, seen first 1 h ago/)
		.waitFor();
	await service("stock").getByText("does not say what it runs: it answers with 503").waitFor();
	expect(await service("stock").getByText("Drifted").count()).toBe(0);
});

test("each thing that can be done asks once more, and says what for", async () => {
	await open();
	await openEnvironment("prod");
	await page.getByRole("button", { name: "Release sha256:4f1d2c3b5a69" }).click();
	expect(await confirm("Release").isDisabled()).toBe(true);
	await page.getByLabel("Reason").fill("it was the network");
	await confirm("Release").click();
	await page.getByRole("dialog").waitFor({ state: "detached" });
	await page.getByRole("button", { name: "Release sha256:4f1d2c3b5a69" }).waitFor({ state: "detached" });

	await page.getByRole("button", { name: "Say how the deployment to eu-2 ended" }).click();
	await page.getByRole("radio", { name: /It is live/ }).check();
	await flows.seeNoBarrier(page);
	await confirm("Say so").click();
	await page.getByRole("dialog").waitFor({ state: "detached" });

	await page.getByRole("button", { name: "Let stock#12 pass" }).click();
	await page.getByLabel("Reason").fill("the auditors wait");
	mock.refusal = "stock#12 has no stage that is yet to deploy";
	await confirm("Let it pass").click();
	await page.getByRole("alert").getByText("no stage that is yet to deploy").waitFor();
	await page.getByRole("button", { name: "Let it wait" }).click();

	await page.getByRole("button", { name: "Stop the line" }).click();
	await page.getByLabel("Reason").fill("error rate is up");
	await confirm("Stop the line").click();
	await page.getByText("The line is stopped in prod: error rate is up").waitFor();
	await page.getByRole("button", { name: "Let it go on" }).click();
	await page.getByLabel("Reason").fill("it was the cache");
	await confirm("Let it go on").click();
	await page.getByText("The line is stopped in prod").waitFor({ state: "detached" });
	expect(mock.asked).toEqual([
		'POST /api/v1/quarantine/7/release {"reason":"it was the network"}',
		'POST /api/v1/runs/shop%2351/resolve {"target":"eu-2","verdict":"live"}',
		'POST /api/v1/runs/stock%2312/override {"reason":"the auditors wait"}',
		'POST /api/v1/blockers {"reason":"error rate is up","environment":"prod"}',
		expect.stringMatching(/^POST \/api\/v1\/blockers\/\d+\/lift \{"reason":"it was the cache"\}$/),
	]);
});

test("a rollback and a deployment lead to their run", async () => {
	await open();
	await openEnvironment("prod");
	await page.getByRole("button", { name: "Roll back shop" }).click();
	await page.getByLabel("Back to").selectOption("1.4.1");
	await page.getByLabel("Reason").fill("it lost orders");
	await confirm("Roll back").click();
	await page.getByRole("heading", { level: 1, name: /^shop#\d+/ }).waitFor();
	await openEnvironment("prod");
	await page.getByRole("button", { name: "Deploy a version of stock" }).click();
	await page.getByRole("dialog").getByRole("combobox", { name: "Version" }).fill("7.0");
	await confirm("Deploy").click();
	await page.getByRole("heading", { level: 1, name: /^stock#\d+/ }).waitFor();
	expect(mock.asked).toEqual([
		'POST /api/v1/rollbacks {"service":"shop","environment":"prod","reason":"it lost orders","to":"1.4.1"}',
		'POST /api/v1/deployments {"service":"stock","environment":"prod","version":"7.0"}',
	]);
});

test("a button that is not for somebody says for whom it is, and asks for nothing", async () => {
	await open("vic");
	await openEnvironment("prod");
	await page.getByRole("button", { name: "Roll back shop" }).click();
	await page.getByText("Not by you: this takes the role developer; vic is a viewer").waitFor();
	await flows.seeNoBarrier(page);
	await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
	await page.getByRole("button", { name: /Stop the line/ }).click();
	await page.getByText("Not by you: this takes the role operator; vic is a viewer").waitFor();
	expect(mock.asked).toEqual([]);
});

test("a newcomer learns what fills the board; an environment that is not there is said", async () => {
	await begin(exampleRuns(Date.now()));
	await page.goto(`${base}/board`);
	await page.getByText("penstock config apply FILE").waitFor();
	await page.goto(`${base}/environments/moon`);
	await page.getByRole("heading", { name: "There is no environment moon" }).waitFor();
});

test("axe finds no barrier, in the dark and on a phone, and nothing is wider than the screen", async () => {
	await open("ann");
	for (const path of ["/board", "/environments/prod"]) {
		await page.goto(base + path);
		await page.locator(".table").first().waitFor();
		await flows.seeNoBarrierInAnyLook(page);
	}
});
