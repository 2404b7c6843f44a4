/* A run from its beginning to its end, and what people do about it. */
import { describe, expect, test } from "vitest";
import * as flows from "./flows.ts";
import { BROKEN_CI, WEB } from "./server-pipelines.ts";
import { begin, expectFaults, page } from "./server-fixture.ts";
import { ask, base, killServer, push, start, waitForServer } from "./world.ts";

/* The states that a thing on the page went through, as a person would have read them. */
async function watchStates(selector: string): Promise<() => Promise<string[]>> {
	await page.evaluate((wanted) => {
		const seen: string[] = [];
		const look = (): void => {
			const word = document.querySelector(wanted)?.textContent?.trim() ?? "";
			if (word !== "" && seen.at(-1) !== word) seen.push(word);
		};
		look();
		new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
		Object.assign(window, { seenStates: seen });
	}, selector);
	return () => page.evaluate(() => (window as unknown as { seenStates: string[] }).seenStates);
}

describe("a run", () => {
	test("a push appears at the top of the list; its page changes as jobs start and end", async () => {
		await begin();
		await page.locator("a.name", { hasText: "web#1" }).waitFor();
		await push("web", { pace: "10" }, "Feed the sheep"); /* time to be seen running */
		await page.locator("a.name", { hasText: "web#2" }).waitFor();
		await page.getByRole("link", { name: "web#2", exact: true }).click();
		await page.getByRole("heading", { level: 1, name: "web#2" }).waitFor();
		const states = await watchStates("header .meta .badge");
		const jobs = page.locator("a.job");
		await expect.poll(() => jobs.count()).toBe(4);
		await jobs.filter({ hasText: "unit" }).first().getByText("Running").waitFor({ state: "attached" });
		await flows.seeIcon(page, "busy");
		await page.getByText("1 of 3 jobs").or(page.getByText("2 of 3 jobs")).first().waitFor();
		await flows.seeRunState(page, "Succeeded");
		await page.getByText("3 of 3 jobs").waitFor();
		await flows.seeIcon(page, "good");
		expect((await states()).at(-1)).toBe("Succeeded");
		expect((await states()).includes("Running")).toBe(true);
		const artifact = page.getByRole("link", { name: "out/made.txt" });
		const file = await page.request.get(base + ((await artifact.getAttribute("href")) ?? ""));
		expect(await file.text()).toBe("made\n");
	});

	test("is cancelled with a reason, which everybody reads", async () => {
		const run = await start("web", "long");
		await begin();
		await flows.openRun(page, base, run);
		await flows.openJob(page, "long");
		await flows.seeInLog(page, "begun");
		await flows.cancel(page, "wrong branch");
		await flows.seeRunState(page, "Cancelled");
		await page
			.getByText(/ann.*wrong branch/)
			.first()
			.waitFor();
		expect(await page.getByRole("button", { name: "Cancel", exact: true }).count()).toBe(0);
	});

	test("that failed says where and why, and its failed job is tried again with success", async () => {
		const run = await start("web", "flaky");
		await begin();
		await flows.openRun(page, base, run);
		await flows.seeRunState(page, "Failed");
		await page.getByRole("heading", { name: "What failed" }).waitFor();
		await page.getByRole("region", { name: "What failed" }).getByRole("link").click();
		await flows.seeInLog(page, "error: the disk said no");
		await page.getByText("exit 7").first().waitFor();
		await page.getByRole("button", { name: "Retry job" }).click();
		await flows.seeRunState(page, "Succeeded");
		await page.locator("a.job", { hasText: "flaky" }).getByText("×2").waitFor();
		/* The first attempt's log is still there. */
		await page.getByLabel("Attempt").selectOption("1");
		await flows.seeInLog(page, "error: the disk said no");
	});

	test("is run again as a new one, of the same commit", async () => {
		await begin();
		await flows.openRun(page, base, "web#1");
		await page.getByRole("button", { name: "Run again" }).click();
		await page.getByRole("heading", { level: 1, name: /^(?!web#1 )web#\d+/ }).waitFor();
		await flows.seeRunState(page, "Succeeded");
		const name = (await page.locator("h1 .number").textContent()) ?? "";
		const of = async (run: string): Promise<string> =>
			(await ask<{ run: { commit: string } }>("GET", `/runs/${encodeURIComponent(run)}`)).run.commit;
		expect(await of(name)).toBe(await of("web#1"));
	});

	test("goes on over a restart of the server: the page says that it is cut off, and recovers by itself", async () => {
		const run = await start("web", "count");
		await begin();
		await flows.openRun(page, base, run);
		await flows.openJob(page, "count");
		await flows.seeInLog(page, "line 20");
		expectFaults(/^net::ERR_/, /^5\d\d /);
		await page.evaluate(() => Object.assign(window, { isSamePage: true }));
		const links = await watchStates(".lost [role=status]"); /* it may be back before anybody looks */
		await killServer();
		await expect.poll(links).toContain("Reconnecting: what is shown may be old");
		await flows.seeNoBarrier(page);
		await waitForServer();
		await flows.seeRunState(page, "Succeeded");
		await page.getByText("Reconnecting").first().waitFor({ state: "detached" });
		await page.getByText("200 lines", { exact: true }).waitFor();
		/* No line lost or doubled, and nobody loaded the page again. */
		await page.getByRole("region", { name: "Log of count" }).focus();
		await page.keyboard.press("g");
		const first = async () => (await page.locator(".lines .text").allTextContents()).slice(0, 20);
		await expect.poll(first).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 1}`));
		expect(await page.evaluate(() => (window as unknown as { isSamePage?: boolean }).isSamePage)).toBe(true);
	});

	test("of a broken file shows each fault with its place", async () => {
		await begin();
		await push("web", { ".penstock/ci.yaml": BROKEN_CI }, "Break it");
		await page.locator("li", { hasText: "Break it" }).getByText("Failed", { exact: true }).waitFor();
		await page.locator("li", { hasText: "Break it" }).locator("a.name").click();
		await page.getByText(/\.penstock\/ci\.yaml:3:1:/).waitFor();
		await page.getByText('did you mean "stages"?').waitFor();
		await flows.seeNoBarrier(page);
		await push("web", { ".penstock/ci.yaml": WEB[".penstock/ci.yaml"] ?? "" }, "Mend it");
	});

	test("lists what policies found with file and line, and the tests that failed", async () => {
		const run = await start("web", "check");
		await begin();
		await flows.openRun(page, base, run);
		await flows.seeRunState(page, "Failed");
		await page.getByText("policy: 1 finding (pipeline-pinned)").first().waitFor();
		const findings = page.getByRole("region", { name: "Findings" });
		await findings.getByText(".penstock/check.yaml:7").waitFor();
		await findings.getByText(/"debian:12" is named by a tag/).waitFor();
		await page.getByRole("region", { name: "Tests" }).getByText("cart sums up").waitFor();
		await flows.seeNoBarrier(page);
		await findings.getByRole("link", { name: "Log of check/pins" }).click();
		await flows.seeInLog(page, ".penstock/check.yaml:7");
	});

	test("that does not exist is said", async () => {
		await begin();
		expectFaults(/^404 GET \/api\/v1\/runs\/web%23999\/events$/);
		await page.goto(`${base}/runs/web/999`);
		await page.getByText("There is no run web#999").waitFor();
	});
});
