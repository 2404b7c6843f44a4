/*
 * The same flows against a real server, which somebody else has started and filled:
 *
 *   PENSTOCK_URL               http://127.0.0.1:8080
 *   PENSTOCK_LOGIN, PENSTOCK_PASSWORD
 *   PENSTOCK_RUN               a run that ended well, such as demo#1
 *   PENSTOCK_JOB               one of its jobs, by the name that the page shows
 *   PENSTOCK_LOG_TEXT          a text in that job's log
 *   PENSTOCK_APPROVE_RUN       a run that waits at a gate which the login may open, and which then succeeds
 *   PENSTOCK_REFUSE_RUN        another one, to be refused
 *   PENSTOCK_START_REPOSITORY  a repository whose pipeline (PENSTOCK_START_PIPELINE, "ci" when unset) is started by hand
 *
 * The first four are needed; a flow whose own variable is missing is shown as skipped.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { launch, quit, signIn, type Browser } from "./browser.ts";
import * as flows from "./flows.ts";

const RUN_MS = 120_000;

function needed(name: string): string {
	const value = process.env[name];
	if (value === undefined || value === "")
		throw new Error(`${name} is not set; tests/browser/server.test.ts says what it means`);
	return value;
}

const base = needed("PENSTOCK_URL").replace(/\/$/, "");
const run = needed("PENSTOCK_RUN");
const job = process.env["PENSTOCK_JOB"] ?? "";
const logText = process.env["PENSTOCK_LOG_TEXT"] ?? "";
const approveRun = process.env["PENSTOCK_APPROVE_RUN"] ?? "";
const refuseRun = process.env["PENSTOCK_REFUSE_RUN"] ?? "";
const startRepository = process.env["PENSTOCK_START_REPOSITORY"] ?? "";
const startPipeline = process.env["PENSTOCK_START_PIPELINE"] ?? "ci";

let browser: Browser;
let page: Page;

beforeAll(async () => {
	browser = await launch();
	page = await browser.open(`${base}/`);
	await signIn(page, needed("PENSTOCK_LOGIN"), needed("PENSTOCK_PASSWORD"));
});
afterAll(async () => {
	await browser?.close();
	await quit();
});

describe("a real server", () => {
	test("sends the pages with a policy that forbids inline scripts", async () => {
		const response = await page.request.get(`${base}/`);
		const policy = response.headers()["content-security-policy"] ?? "";
		expect(policy).toContain("script-src 'self'");
		expect(policy).not.toContain("unsafe-inline");
		/* A page that somebody kept the address of is answered with the same file. */
		expect((await page.request.get(`${base}/runs/none/1`)).status()).toBe(200);
	});

	test("shows the run in the list and on its page", async () => {
		await flows.openRunFromList(page, base, run);
		await flows.seeRunState(page, "Succeeded", RUN_MS);
		await flows.seeNoBarrier(page);
	});

	test.skipIf(job === "")("shows the log of a job", async () => {
		await flows.openRun(page, base, run);
		await flows.openJob(page, job);
		await page.locator(".view .line .text").first().waitFor();
		if (logText !== "") await flows.searchLog(page, logText);
		await flows.seeNoBarrier(page);
	});

	test.skipIf(approveRun === "")(
		"opens a gate, and the run goes on to its end before one's eyes",
		{ timeout: RUN_MS + 20_000 },
		async () => {
			await flows.openRun(page, base, approveRun);
			await flows.seeRunState(page, "Waiting", RUN_MS);
			await flows.approve(page, "Approved in the browser.");
			await flows.seeRunState(page, "Succeeded", RUN_MS);
		},
	);

	test.skipIf(refuseRun === "")("refuses a gate, and the run ends", { timeout: RUN_MS + 20_000 }, async () => {
		await flows.openRun(page, base, refuseRun);
		await flows.seeRunState(page, "Waiting", RUN_MS);
		await flows.refuse(page, "Refused in the browser.");
		await flows.seeRunState(page, "Cancelled", RUN_MS);
	});

	test.skipIf(startRepository === "")("starts a run by hand and follows it", { timeout: RUN_MS + 20_000 }, async () => {
		await page.goto(`${base}/`);
		await flows.startRun(page, startRepository, startPipeline);
		await page.getByRole("heading", { level: 1, name: `${startRepository}#` }).waitFor();
		await page.locator("a.job").first().waitFor({ timeout: RUN_MS });
	});

	test.each([
		["/workers", "Workers"],
		["/triggers", "Triggers"],
	])("shows %s", async (path, heading) => {
		await page.goto(base + path);
		await page.getByRole("heading", { level: 1, name: heading }).waitFor();
		await page.locator(".table").waitFor();
		await flows.seeNoBarrier(page);
	});

	test("made no page throw, nor need what the policy forbids", () => {
		expect(browser.faults).toEqual([]);
	});
});
