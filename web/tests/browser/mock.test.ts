/* Every flow in Chromium against the mock server, which can be made to fail on demand. */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { BIG_LOG_LINES, emptyData, exampleRuns, makeJob, makeStage, makeSummary, type MockData } from "../mock-data.ts";
import { MockServer } from "../mock-server.ts";
import { launch, quit, signIn, type Browser } from "./browser.ts";
import * as flows from "./flows.ts";

const WEB = fileURLToPath(new URL("../../../build/web", import.meta.url));

let browser: Browser;
let mock: MockServer;
let base: string;
let page: Page;

async function begin(data: MockData, person = "ann", options = {}): Promise<void> {
	mock = new MockServer(data);
	base = await mock.listen(WEB);
	browser = await launch(options);
	page = await browser.open(`${base}/`);
	await signIn(page, person, "secret");
}

afterAll(quit);
afterEach(async () => {
	await browser.close();
	await mock.close();
	expect(browser.faults).toEqual([]); /* no script error, nothing that the Content-Security-Policy refused */
});

describe("signing in", () => {
	test("a wrong password is said, the right one leads to the page that was asked for", async () => {
		mock = new MockServer(exampleRuns(Date.now()));
		base = await mock.listen(WEB);
		browser = await launch();
		page = await browser.open(`${base}/runs/web/41`);
		await page.getByLabel("Name").fill("ann");
		await page.getByLabel("Password").fill("wrong");
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("alert").getByText("name or password is wrong").waitFor();
		await flows.seeNoBarrier(page);
		await signIn(page, "ann", "secret");
		await page.getByRole("heading", { level: 1, name: "web#41" }).waitFor();
	});

	test("signing out, and a session that ended elsewhere, lead back to the sign-in page", async () => {
		await begin(exampleRuns(Date.now()));
		await page.getByRole("button", { name: "Sign out" }).click();
		await page.getByRole("heading", { name: "Sign in to Penstock" }).waitFor();
		await signIn(page, "ann", "secret");
		await browser.context.clearCookies();
		await page.getByRole("link", { name: "Workers" }).click();
		await page.getByRole("heading", { name: "Sign in to Penstock" }).waitFor();
	});
});

describe("the list of runs", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	test("shows new runs and changes as they happen", async () => {
		await page.getByRole("link", { name: "web#42" }).waitFor();
		mock.addRun({ run: makeSummary(99, Date.now(), { number: 43, name: "web#43", title: "Just pushed" }), inputs: {}, errors: [], refusals: [], stages: [] });
		await page.getByText("Just pushed").waitFor();
		expect(await page.locator("a.name").first().textContent()).toBe("web#43");
		mock.change("web#43", { run: { state: "failed", reason: "unit failed." } });
		await page.locator("li", { hasText: "web#43" }).getByText("Failed", { exact: true }).waitFor();
	});

	test("filters by state and repository, keeps the filter in the address, and lets a run go that no longer fits", async () => {
		await page.getByLabel("State").selectOption("running");
		await page.waitForURL("**/?state=running");
		await page.getByRole("link", { name: "web#41" }).waitFor({ state: "detached" });
		expect(await page.locator("a.name").allTextContents()).toEqual(["web#42"]);
		mock.change("web#42", { run: { state: "succeeded" } });
		await page.getByText("No run fits this filter").waitFor();
		await page.goto(`${base}/?repository=api`);
		await page.getByRole("link", { name: "api#7" }).waitFor();
		expect(await page.locator("a.name").count()).toBe(1);
	});

	test("filters by branch while typing", async () => {
		await page.getByRole("searchbox", { name: "Branch" }).fill("gates");
		await page.waitForURL("**/?branch=gates");
		await expect.poll(() => page.locator("a.name").allTextContents()).toEqual(["web#39"]);
	});

	test("shows older runs on demand, each once", async () => {
		await page.getByRole("button", { name: "Show older runs" }).click();
		await page.getByRole("link", { name: "web#1", exact: true }).waitFor();
		const names = await page.locator("a.name").allTextContents();
		expect(new Set(names).size).toBe(names.length);
		expect(names.length).toBe(mock.data.runs.length);
		expect(await page.getByRole("button", { name: "Show older runs" }).count()).toBe(0);
	});

	test("is walked with j, k and Enter", async () => {
		await page.getByRole("link", { name: "web#42" }).waitFor();
		await page.keyboard.press("j");
		await page.keyboard.press("j");
		await page.keyboard.press("j");
		await page.keyboard.press("k");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { level: 1, name: "web#41" }).waitFor();
	});

	test("says that it is cut off, and catches up by itself", async () => {
		await page.getByRole("link", { name: "web#42" }).waitFor();
		mock.isDown = true;
		mock.dropStreams();
		await page.getByText("Reconnecting").waitFor();
		mock.change("web#42", { run: { state: "failed" } });
		mock.isDown = false;
		await page.locator("li", { hasText: "web#42" }).getByText("Failed", { exact: true }).waitFor();
		await page.getByText("Reconnecting").waitFor({ state: "detached" });
	});
});

describe("a newcomer", () => {
	test("learns the next command: without repositories, and without runs", async () => {
		await begin(emptyData());
		await page.getByText("penstock repo add").waitFor();
		await flows.seeNoBarrier(page);
		mock.data.repositories.push({ id: 1, name: "shop", url: "/srv/git/shop.git", default_branch: "main", created_at: null, fetched_at: null, problem: "" });
		await page.reload();
		await page.getByText("penstock run shop ci").waitFor();
		/* The first run takes the place of the advice. */
		mock.addRun({ run: makeSummary(1, Date.now(), { repository: "shop", name: "shop#1" }), inputs: {}, errors: [], refusals: [], stages: [] });
		await page.getByRole("link", { name: "shop#1" }).waitFor();
	});
});

describe("a run", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	test("goes on before one's eyes, up to its end, in the page, the title and the icon", async () => {
		await flows.openRunFromList(page, base, "web#42");
		await flows.seeRunState(page, "Running");
		expect(await page.locator("#favicon").getAttribute("href")).toBe("/icon-busy.svg");
		const now = new Date().toISOString();
		mock.changeJob("web#42", 4, { state: "succeeded", ended_at: now });
		mock.changeJob("web#42", 5, { state: "running", attempt: 1, message: "", started_at: now });
		await page.locator("a.job", { hasText: "package" }).getByText("Succeeded").waitFor();
		await page.locator("a.job", { hasText: "policy" }).getByText("Running").waitFor();
		mock.changeJob("web#42", 5, { state: "succeeded", ended_at: now });
		mock.changeStage("web#42", 2, { state: "succeeded", ended_at: now });
		mock.change("web#42", { run: { state: "succeeded", ended_at: now } });
		await flows.seeRunState(page, "Succeeded");
		expect(await page.locator("#favicon").getAttribute("href")).toBe("/icon-good.svg");
		await page.getByRole("button", { name: "Run again" }).waitFor();
	});

	test("its clock ticks", async () => {
		await flows.openRun(page, base, "web#42");
		const clock = page.locator("header .clock");
		const before = await clock.textContent();
		await expect.poll(() => clock.textContent(), { timeout: 5000 }).not.toBe(before);
	});

	test("resumes behind the last event after a cut", async () => {
		await flows.openRun(page, base, "web#42");
		mock.changeJob("web#42", 4, { message: "half way" });
		await page.locator("a.job[title*='half way']").waitFor();
		const version = mock.run("web#42").run.version;
		mock.isDown = true;
		mock.dropStreams();
		await page.getByText("Reconnecting").waitFor();
		mock.changeJob("web#42", 4, { state: "failed", message: "exit 2" });
		mock.isDown = false;
		await page.locator("a.job", { hasText: "package" }).getByText("Failed").waitFor();
		expect(mock.resumed.at(-1)).toEqual({ path: "/api/v1/runs/web#42/events", lastEventId: String(version) });
	});

	test("lets its streams go while nobody looks, and catches up when somebody does", async () => {
		await page.clock.install();
		await flows.openRun(page, base, "web#42");
		await flows.openJob(page, "package");
		await flows.seeInLog(page, "linking out/web.tar.gz");
		await expect.poll(() => mock.streams).toBe(2);
		const hide = (isHidden: boolean) => page.evaluate((value) => {
			Object.defineProperty(document, "hidden", { value, configurable: true });
			document.dispatchEvent(new Event("visibilitychange"));
		}, isHidden);
		await hide(true);
		await page.clock.fastForward(11_000);
		await expect.poll(() => mock.streams).toBe(0);
		mock.print(4, ["while hidden"]);
		mock.change("web#42", { run: { state: "failed" } });
		await page.clock.fastForward(16_000);
		await flows.seeRunState(page, "Failed"); /* the tab still tells */
		await hide(false);
		await flows.seeInLog(page, "while hidden");
	});

	test("is cancelled with a reason", async () => {
		await flows.openRun(page, base, "web#42");
		await flows.cancel(page, "wrong branch");
		await flows.seeRunState(page, "Cancelled");
		await page.getByText("Cancelled by ann: wrong branch.").waitFor();
		expect(mock.asked.at(-1)).toBe('POST /api/v1/runs/web%2342/cancel {"reason":"wrong branch"}');
	});

	test("is retried as a whole, or one job of it, and run again as a new one", async () => {
		await flows.openRun(page, base, "web#40");
		await page.getByRole("heading", { name: "What failed" }).waitFor();
		await page.getByRole("button", { name: "Retry failed" }).click();
		await flows.seeRunState(page, "Running");
		await page.locator("a.job", { hasText: "unit" }).getByText("Queued").waitFor();
		mock.change("web#40", { run: { state: "failed", ended_at: new Date().toISOString() } });
		mock.changeJob("web#40", 21, { state: "failed" });
		await flows.openJob(page, "unit");
		await page.getByRole("button", { name: "Retry job" }).click();
		await flows.seeRunState(page, "Running");
		expect(mock.asked).toEqual(["POST /api/v1/runs/web%2340/retry {}", 'POST /api/v1/runs/web%2340/retry {"job":"21"}']);
		mock.change("web#40", { run: { state: "failed", ended_at: new Date().toISOString() } });
		await page.getByRole("button", { name: "Run again" }).click();
		await page.getByRole("heading", { level: 1, name: "web#43" }).waitFor();
	});

	test("shows the errors of its file with their places, and what this version refuses", async () => {
		await flows.openRun(page, base, "web#39");
		await page.getByText(".penstock/ci.yaml:14:7:").waitFor();
		await page.getByText('did you mean "gate"?').waitFor();
		await flows.openRun(page, base, "api#7");
		await page.getByText("stage prod: environment stages are planned").waitFor();
	});

	test("that does not exist is said", async () => {
		await page.goto(`${base}/runs/web/999`);
		await page.getByText("There is no run web#999").waitFor();
	});

	test("offers its artifacts", async () => {
		await flows.openRun(page, base, "web#42");
		const link = page.getByRole("link", { name: "reports/junit.xml" });
		expect(await link.getAttribute("href")).toBe("/api/v1/artifacts/1");
	});

	test("of a thousand jobs is drawn and updated at once", async () => {
		const run = { run: makeSummary(500, Date.now(), { number: 500, name: "web#500" }), inputs: {}, errors: [], refusals: [], stages: [makeStage(900, 0, "test", { jobs: Array.from({ length: 1000 }, (_, i) => makeJob(10_000 + i, 900, `unit [shard=${i}]`)) })] };
		mock.addRun(run);
		await flows.openRun(page, base, "web#500");
		await expect.poll(() => page.locator("a.job").count()).toBe(1000);
		mock.changeJob("web#500", 10_999, { state: "failed" });
		await page.locator("a.job", { hasText: "shard=999" }).getByText("Failed").waitFor();
	});
});

describe("a gate", () => {
	test("is approved with a comment, and the run goes on", async () => {
		await begin(exampleRuns(Date.now()));
		await flows.openRunFromList(page, base, "web#41");
		await page.getByText("1 of 2").first().waitFor();
		await page.getByText("expires in").waitFor();
		await flows.approve(page, "Looks right to me.");
		await page.getByText("2 of 2").waitFor();
		await flows.seeRunState(page, "Running");
		expect(mock.asked).toEqual(['POST /api/v1/gates/7/approve {"comment":"Looks right to me."}']);
	});

	test("is refused with a comment, and the run ends", async () => {
		await begin(exampleRuns(Date.now()));
		await flows.openRun(page, base, "web#41");
		await flows.refuse(page, "The prices are wrong.");
		await flows.seeRunState(page, "Cancelled");
		await page.getByText("Refused by ann.").first().waitFor();
	});

	test("that wants a comment takes no decision without one", async () => {
		const data = exampleRuns(Date.now());
		await begin(data);
		Object.assign(mock.run("web#41").stages[1]?.gate ?? {}, { is_comment_required: true });
		await flows.openRun(page, base, "web#41");
		await page.getByRole("button", { name: "Approve" }).waitFor();
		expect(await page.getByRole("button", { name: "Approve" }).isDisabled()).toBe(true);
		await page.getByLabel("Comment").fill("x");
		expect(await page.getByRole("button", { name: "Approve" }).isEnabled()).toBe(true);
	});

	test("that somebody else decided meanwhile says so", async () => {
		await begin(exampleRuns(Date.now()));
		await flows.openRun(page, base, "web#41");
		await page.getByRole("button", { name: "Approve" }).waitFor();
		Object.assign(mock.run("web#41").stages[1]?.gate ?? {}, { state: "expired" }); /* without an event */
		await page.getByRole("button", { name: "Approve" }).click();
		await page.getByText("the gate is expired already").waitFor();
	});

	test("tells a viewer why they may not, and offers them nothing to press", async () => {
		await begin(exampleRuns(Date.now()), "vic");
		await flows.openRun(page, base, "web#41");
		await page.getByText("You are not in the group release.").waitFor();
		for (const name of ["Approve", "Cancel", "Start a run", "Run again"])
			expect(await page.getByRole("button", { name, exact: true }).count()).toBe(0);
		await page.getByRole("link", { name: "Workers" }).click();
		await page.getByText("builder-1").waitFor();
		expect(await page.getByRole("button", { name: "Drain builder-1" }).count()).toBe(0);
	});
});

describe("a log", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	async function openBigLog() {
		await flows.openRun(page, base, "web#42");
		await flows.openJob(page, "import");
		await page.getByText(`${BIG_LOG_LINES.toLocaleString("en")} lines`).waitFor();
	}
	/* The numbers drawn, and whether the lines in view cover the view without a gap. */
	async function look() {
		return page.evaluate(() => {
			const view = document.querySelector(".view") as HTMLElement;
			const box = view.getBoundingClientRect();
			const lines = [...view.querySelectorAll<HTMLElement>(".lines .line")].map((line) => ({ at: line.getBoundingClientRect(), number: Number(line.dataset["line"]), text: line.querySelector(".text")?.textContent ?? "" }));
			const seen = lines.filter(({ at }) => at.bottom > box.top && at.top < box.bottom);
			const covered = seen.reduce((sum, { at }) => sum + Math.min(at.bottom, box.bottom) - Math.max(at.top, box.top), 0);
			const inOrder = seen.every(({ number }, i) => i === 0 || number === (seen[i - 1]?.number ?? 0) + 1);
			return { first: seen[0]?.number ?? 0, last: seen.at(-1)?.number ?? 0, missing: seen.filter(({ text }) => text === "…").length, gap: box.height - covered, inOrder, drawn: lines.length };
		});
	}

	test("follows what is printed, colours included, and stops when it ends", async () => {
		await flows.openRun(page, base, "web#42");
		await flows.openJob(page, "package");
		await flows.seeInLog(page, "linking out/web.tar.gz");
		const start = Date.now();
		mock.print(4, ["\x1b[31mred\x1b[0m and \x1b[38;5;208morange\x1b[0m news"]);
		await flows.seeInLog(page, "red and orange news");
		expect(Date.now() - start).toBeLessThan(1500);
		const orange = page.getByText("orange", { exact: true });
		expect(await orange.evaluate((element) => getComputedStyle(element).color)).toBe("rgb(255, 135, 0)");
		for (let i = 0; i < 200; i++)
			mock.print(4, [`more ${i}`]);
		await flows.seeInLog(page, "more 199"); /* it sticks to the end */
		await page.getByRole("region", { name: "Log of package" }).evaluate((view) => (view.scrollTop = 0));
		await flows.seeInLog(page, "$ ./ci/build");
		mock.print(4, ["while away"]);
		await page.getByText("205 lines").waitFor();
		expect(await page.getByText("while away").count()).toBe(0); /* it stays where somebody reads */
		await page.getByRole("button", { name: "Follow the end" }).click();
		await flows.seeInLog(page, "while away");
		mock.endLog(4);
		await page.getByText("205 lines", { exact: true }).waitFor();
	});

	test("shows a line within 150 ms of its printing", async () => {
		await flows.openRun(page, base, "web#42");
		await flows.openJob(page, "package");
		await flows.seeInLog(page, "linking out/web.tar.gz");
		/* Each line carries when it was printed; the page notes when it could first be seen. */
		await page.evaluate(() => {
			const seen: Record<string, number> = {};
			Object.assign(window, { seen });
			new MutationObserver(() => {
				for (const text of document.querySelectorAll(".lines .text"))
					if (text.textContent?.startsWith("printed "))
						requestAnimationFrame(() => (seen[text.textContent ?? ""] ??= Date.now()));
			}).observe(document.querySelector(".lines") as Element, { childList: true, subtree: true });
		});
		for (let i = 0; i < 15; i++) {
			const line = `printed ${Date.now()} ${i}`;
			mock.print(4, [line]);
			await flows.seeInLog(page, line);
		}
		const seen = await page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
		const delays = Object.entries(seen).map(([line, at]) => at - Number(line.split(" ")[1])).sort((a, b) => a - b);
		expect(delays.length).toBe(15);
		expect(delays[7]).toBeLessThan(150); /* the median: the machine may be busy */
	});

	test("loses and doubles no line over a cut", async () => {
		await flows.openRun(page, base, "web#42");
		await flows.openJob(page, "package");
		mock.print(4, ["before the cut"]);
		await flows.seeInLog(page, "before the cut");
		mock.isDown = true;
		mock.dropStreams();
		await page.getByText("Reconnecting").first().waitFor();
		mock.print(4, ["during the cut"]);
		mock.isDown = false;
		mock.print(4, ["after the cut"]);
		await flows.seeInLog(page, "after the cut");
		expect((await page.locator(".lines .text").allTextContents()).slice(3)).toEqual(["before the cut", "during the cut", "after the cut"]);
	});

	test("of 100,000 lines scrolls without a gap and draws only what is in view", async () => {
		await openBigLog();
		await page.locator(".view").hover();
		let last = 0;
		for (let i = 0; i < 60; i++) {
			await page.mouse.wheel(0, 500);
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			const seen = await look();
			expect(seen.gap).toBeLessThanOrEqual(20); /* the padding above the first line */
			expect(seen.inOrder).toBe(true);
			expect(seen.missing).toBe(0);
			expect(seen.drawn).toBeLessThan(200);
			last = seen.last;
		}
		expect(last).toBeGreaterThan(1200);
		await page.keyboard.press("Shift+G");
		await flows.seeInLog(page, `record ${BIG_LOG_LINES} of`);
		expect((await look()).last).toBe(BIG_LOG_LINES);
		await page.keyboard.press("g");
		await flows.seeInLog(page, "000001");
	});

	test("of a million lines, higher than a browser's limit, is reached from end to end", async () => {
		const lines = 1_000_000;
		mock.data.logs.set(1, { lines: Array.from({ length: lines }, (_, i) => `entry ${i + 1}.`), isComplete: true });
		await page.goto(`${base}/runs/web/42/jobs/1#L654321`);
		await flows.seeInLog(page, "entry 654321.");
		await page.locator(".view").hover();
		for (let i = 0; i < 5; i++) {
			await page.mouse.wheel(0, 120);
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			const seen = await look();
			expect([seen.gap <= 20, seen.inOrder]).toEqual([true, true]);
		}
		await page.keyboard.press("Shift+G");
		await flows.seeInLog(page, `entry ${lines}.`);
		expect((await look()).last).toBe(lines);
	});

	test("wraps long lines without a gap, and stays at its place", async () => {
		await flows.openRun(page, base, "web#40");
		await flows.openJob(page, "unit");
		await flows.seeInLog(page, "1 failed");
		const view = page.locator(".view");
		expect(await view.evaluate((element) => element.scrollWidth > element.clientWidth)).toBe(true);
		await page.getByRole("button", { name: "Wrap long lines" }).click();
		await expect.poll(() => view.evaluate((element) => element.scrollWidth <= element.clientWidth)).toBe(true);
		const long = page.locator(".line", { hasText: "a long line" });
		await expect.poll(() => long.evaluate((line) => line.getBoundingClientRect().height % 20)).toBe(0);
		expect(await long.evaluate((line) => line.getBoundingClientRect().height)).toBeGreaterThan(40);
		await view.evaluate((element) => (element.scrollTop = element.scrollHeight));
		await flows.seeInLog(page, "181 passed");
		await expect.poll(async () => (await look()).last).toBe(187);
		expect((await look()).gap).toBeLessThanOrEqual(20);
	});

	test("is searched to its end, with every match reachable", async () => {
		await openBigLog();
		await flows.searchLog(page, "needle");
		expect(await page.locator(".line.hit").getAttribute("data-line")).toBe("73211");
		const count = page.locator("search [role=status]");
		await expect.poll(() => count.textContent()).toBe("1 of 1");
		await page.getByLabel("Search the log").fill("record 9999");
		await expect.poll(() => count.textContent()).toBe("1 of 11"); /* 9999 and 99990 to 99999 */
		await page.getByRole("button", { name: "Previous match" }).click();
		await expect.poll(() => count.textContent()).toBe("11 of 11");
		expect(await page.locator(".line.hit").getAttribute("data-line")).toBe("99999");
		expect(await page.locator(".line.hit mark").textContent()).toBe("record 9999");
	});

	test("is linked by line, and a link opens at its line", async () => {
		await openBigLog();
		await page.locator("a.number", { hasText: /^5$/ }).click();
		await page.waitForURL("**#L5");
		expect(await page.locator(".line.target").getAttribute("data-line")).toBe("5");
		await page.goto(`${base}/runs/web/42/jobs/3#L54321`);
		await page.reload();
		await flows.seeInLog(page, "record 54321 of");
		expect(await page.locator(".line.target").getAttribute("data-line")).toBe("54321");
	});

	test("jumps to the first error, and a step leads to its output", async () => {
		await flows.openRun(page, base, "web#40");
		await flows.openJob(page, "unit");
		await flows.seeInLog(page, "181 passed"); /* a failed job opens at the end */
		await page.getByRole("button", { name: "Jump to the first error" }).click();
		await page.waitForURL("**#L185");
		await page.getByRole("list", { name: "Steps" }).getByRole("link", { name: /\.\/ci\/test/ }).click();
		await page.waitForURL("**#L1");
		await flows.seeInLog(page, "collecting tests");
	});

	test("is downloaded as it was printed", async () => {
		await flows.openRun(page, base, "web#40");
		await flows.openJob(page, "unit");
		const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the log" }).click()]);
		expect(download.suggestedFilename()).toBe("web-40-unit-2.log");
	});

	test("of a job that never ran is explained", async () => {
		await flows.openRun(page, base, "web#42");
		await page.locator("a.job", { hasText: "policy" }).click();
		await page.getByText("There is a log as soon as a worker has started it.").waitFor();
		await page.keyboard.press("Escape");
		await page.waitForURL("**/runs/web/42");
	});
});

describe("starting a run", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	test("sends what was entered and opens the new run", async () => {
		await page.getByRole("button", { name: "Start a run" }).click();
		const dialog = page.getByRole("dialog");
		await expect.poll(() => dialog.getByLabel("Pipeline").inputValue()).toBe("ci");
		await dialog.getByLabel("Branch, tag or commit").fill("v1.2.0");
		await dialog.getByRole("button", { name: "Add an input" }).click();
		await dialog.getByLabel("Name of input 1").fill("target");
		await dialog.getByLabel("Value of input 1").fill("eu=1");
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await page.getByRole("heading", { level: 1, name: "web#43" }).waitFor();
		expect(mock.asked).toEqual(['POST /api/v1/runs {"repository":"web","pipeline":"ci","ref":"v1.2.0","inputs":{"target":"eu=1"}}']);
	});

	test("says why it was refused, and keeps what was entered", async () => {
		await page.getByRole("button", { name: "Start a run" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Pipeline").fill("missing");
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await dialog.getByText("web has no .penstock/missing.yaml at main").waitFor();
		expect(await dialog.getByLabel("Pipeline").inputValue()).toBe("missing");
		await page.keyboard.press("Escape");
		await dialog.waitFor({ state: "detached" });
	});
});

describe("the other pages", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	test("workers are drained and resumed", async () => {
		await page.getByRole("link", { name: "Workers" }).click();
		await page.getByText("1 of 12 slots busy").waitFor();
		await page.getByRole("button", { name: "Drain builder-1" }).click();
		await page.getByRole("button", { name: "Resume builder-1" }).click();
		await page.getByRole("button", { name: "Drain builder-1" }).waitFor();
		expect(mock.asked).toEqual(["POST /api/v1/workers/1/drain {}", "POST /api/v1/workers/1/resume {}"]);
	});

	test("triggers say what became of them", async () => {
		await page.getByRole("link", { name: "Triggers" }).click();
		await page.getByText("The commit message says [skip ci].").waitFor();
		await page.getByRole("link", { name: "web#42" }).click();
		await page.getByRole("heading", { level: 1, name: "web#42" }).waitFor();
	});

	test("the theme is chosen and remembered", async () => {
		const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
		const button = page.getByRole("button", { name: /^Colours/ });
		await button.click();
		const light = await ground();
		await button.click();
		const dark = await ground();
		expect(light).not.toBe(dark);
		await page.reload();
		await page.getByRole("heading", { name: "Runs" }).waitFor();
		expect(await ground()).toBe(dark);
	});

	test("back and forward go through the pages", async () => {
		await flows.openRunFromList(page, base, "web#40");
		await page.goBack();
		await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
		await page.goForward();
		await page.getByRole("heading", { level: 1, name: "web#40" }).waitFor();
	});
});

describe("barriers", () => {
	const pages = ["/", "/runs/web/42/jobs/4", "/runs/web/41", "/runs/web/40/jobs/21", "/runs/web/39", "/workers", "/triggers", "/nowhere"];
	test.each([
		["light", { colorScheme: "light" }],
		["dark", { colorScheme: "dark" }],
		["phone", { colorScheme: "light", viewport: { width: 390, height: 844 } }],
	])("%s: axe finds none on any page, and nothing is wider than the screen", async (_name, options) => {
		await begin(exampleRuns(Date.now()), "ann", options);
		for (const path of pages) {
			await page.goto(base + path);
			await page.locator("h1").first().waitFor();
			if (path.includes("/jobs/"))
				await page.locator(".view .line .text").first().waitFor();
			await flows.seeNoBarrier(page);
			expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path).toBe(true);
		}
		await page.goto(`${base}/`);
		await page.getByRole("button", { name: "Start a run" }).click();
		await flows.seeNoBarrier(page);
	});
});
