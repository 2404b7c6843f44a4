/* Lists, runs, gates and the rest in Chromium against the mock server, which can be made to fail on demand. */
import { beforeEach, describe, expect, test } from "vitest";
import { emptyData, exampleRuns, makeJob, makeStage, makeSummary } from "../mock-data.ts";
import { signIn } from "./browser.ts";
import * as flows from "./flows.ts";
import { base, begin, beginSignedOut, browser, mock, page } from "./mock-fixture.ts";

describe("signing in", () => {
	test("a wrong password is said, the right one leads to the page that was asked for", async () => {
		await beginSignedOut(exampleRuns(Date.now()), "/runs/web/41");
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
		mock.addRun({
			run: makeSummary(99, Date.now(), { number: 43, name: "web#43", title: "Just pushed" }),
			inputs: {},
			errors: [],
			refusals: [],
			alert: "",
			condemned: "",
			ways_back: [],
			warnings: [],
			stages: [],
		});
		await page.getByText("Just pushed").waitFor();
		expect(await page.locator("a.name").first().textContent()).toBe("web#43");
		mock.change("web#43", { run: { state: "failed", reason: "unit failed." } });
		await page.locator("li", { hasText: "web#43" }).getByText("Failed", { exact: true }).waitFor();
	});

	test("filters by state and repository, keeps the filter in the address, and lets a run go that no longer fits", async () => {
		await page.getByLabel("State").selectOption("running");
		await page.waitForURL("**/?state=running");
		await page.getByRole("link", { name: "web#41" }).waitFor({ state: "detached" });
		await expect.poll(() => page.locator("a.name").allTextContents()).toEqual(["web#42"]);
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

	test("shows older runs on demand, each once, and keeps them over a cut", async () => {
		await page.getByRole("button", { name: "Show older runs" }).click();
		await page.getByRole("link", { name: "web#1", exact: true }).waitFor();
		const seesAll = async () => {
			const names = await page.locator("a.name").allTextContents();
			expect(new Set(names).size).toBe(names.length);
			expect(names.length).toBe(mock.data.runs.length);
			expect(await page.getByRole("button", { name: "Show older runs" }).count()).toBe(0);
		};
		await seesAll();
		mock.isDown = true;
		mock.dropStreams();
		await page.getByText("Reconnecting").waitFor();
		mock.change("web#42", { run: { state: "failed" } });
		mock.isDown = false;
		await page.locator("li", { hasText: "web#42" }).getByText("Failed", { exact: true }).waitFor();
		await seesAll();
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
		mock.data.repositories.push({
			id: 1,
			name: "shop",
			url: "/srv/git/shop.git",
			default_branch: "main",
			created_at: null,
			fetched_at: null,
			problem: "",
		});
		await page.reload();
		await page.getByText("penstock run shop ci").waitFor();
		/* The first run takes the place of the advice. */
		mock.addRun({
			run: makeSummary(1, Date.now(), { repository: "shop", name: "shop#1" }),
			inputs: {},
			errors: [],
			refusals: [],
			alert: "",
			condemned: "",
			ways_back: [],
			warnings: [],
			stages: [],
		});
		await page.getByRole("link", { name: "shop#1" }).waitFor();
	});
});

describe("a run", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	test("goes on before one's eyes, up to its end, in the page, the title and the icon", async () => {
		await flows.openRunFromList(page, base, "web#42");
		await flows.seeRunState(page, "Running");
		await flows.seeIcon(page, "busy");
		const now = new Date().toISOString();
		mock.changeJob("web#42", 4, { state: "succeeded", ended_at: now });
		mock.changeJob("web#42", 5, { state: "running", attempt: 1, message: "", started_at: now });
		await page.locator("a.job", { hasText: "package" }).getByText("Succeeded").waitFor();
		await page.locator("a.job", { hasText: "policy" }).getByText("Running").waitFor();
		mock.changeJob("web#42", 5, { state: "succeeded", ended_at: now });
		mock.changeStage("web#42", 2, { state: "succeeded", ended_at: now });
		mock.change("web#42", { run: { state: "succeeded", ended_at: now } });
		await flows.seeRunState(page, "Succeeded");
		await flows.seeIcon(page, "good");
		await page.getByRole("button", { name: "Run again" }).waitFor();
	});

	test("its clock ticks", async () => {
		await flows.openRun(page, base, "web#42");
		const clock = page.locator("header .clock");
		const before = await clock.textContent();
		await expect.poll(() => clock.textContent()).not.toBe(before);
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
		const hide = (isHidden: boolean) =>
			page.evaluate((value) => {
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
		await page.getByText("Cancelled by ann: wrong branch").waitFor();
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
		expect(mock.asked).toEqual([
			"POST /api/v1/runs/web%2340/retry {}",
			'POST /api/v1/runs/web%2340/retry {"job":"21"}',
		]);
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

	test("lists its findings with their places, and the tests that failed", async () => {
		await flows.openRun(page, base, "web#40");
		const findings = page.getByRole("region", { name: "Findings" });
		await findings.getByText("src/config.py:3").waitFor();
		await findings.getByText("because: made up for the tests").waitFor();
		expect(await findings.getByRole("link", { name: "Log of test/unit" }).first().getAttribute("href")).toBe(
			"/runs/web/40/jobs/21",
		);
		await page.getByText("9 passed, 1 failed, 2 skipped").waitFor();
		await page.getByText("cart.total rounds up").waitFor();
	});

	test("of a thousand jobs is drawn and updated at once", async () => {
		const run = {
			run: makeSummary(500, Date.now(), { number: 500, name: "web#500" }),
			inputs: {},
			errors: [],
			refusals: [],
			alert: "",
			condemned: "",
			ways_back: [],
			warnings: [],
			stages: [
				makeStage(900, 0, "test", {
					jobs: Array.from({ length: 1000 }, (_, i) => makeJob(10_000 + i, 900, `unit [shard=${i}]`)),
				}),
			],
		};
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
		await page.getByText("ann refused").first().waitFor();
	});

	test("that wants a comment takes no decision without one", async () => {
		const data = exampleRuns(Date.now());
		await begin(data);
		Object.assign(mock.run("web#41").stages[1]?.gate ?? {}, { is_comment_required: true });
		await flows.openRun(page, base, "web#41");
		await page.getByRole("button", { name: "Approve" }).waitFor();
		expect(await page.getByRole("button", { name: "Approve" }).isDisabled()).toBe(true);
		await page.getByLabel("Comment").fill("x");
		await expect.poll(() => page.getByRole("button", { name: "Approve" }).isEnabled()).toBe(true);
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
		await page.getByText("you are in none of these groups").waitFor();
		for (const name of ["Approve", "Cancel", "Start a run", "Run again"])
			expect(await page.getByRole("button", { name, exact: true }).count()).toBe(0);
		await page.getByRole("link", { name: "Workers" }).click();
		await page.getByText("builder-1").waitFor();
		expect(await page.getByRole("button", { name: "Drain builder-1" }).count()).toBe(0);
	});
});

describe("starting a run", () => {
	beforeEach(() => begin(exampleRuns(Date.now())));

	async function openForm() {
		await page.getByRole("button", { name: "Start a run" }).click();
		const dialog = page.getByRole("dialog");
		await expect.poll(() => dialog.getByRole("combobox", { name: "Pipeline" }).inputValue()).toBe("ci");
		return dialog;
	}

	test("sends what was entered and opens the new run", async () => {
		const dialog = await openForm();
		await dialog.getByText("asks for no inputs").waitFor();
		await dialog.getByLabel("Branch, tag or commit").fill("v1.2.0");
		await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption("load-test");
		await dialog.getByLabel("Where to").selectOption("qa");
		await dialog.getByLabel("users").fill("200");
		await dialog.getByLabel("ticket").fill("WEB-17");
		await dialog.getByLabel("Print every request").check();
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await page.getByRole("heading", { level: 1, name: "web#43" }).waitFor();
		expect(mock.asked).toEqual([
			'POST /api/v1/runs {"repository":"web","pipeline":"load-test","ref":"v1.2.0","inputs":' +
				'{"target":"qa","users":"200","duration":"10m","ticket":"WEB-17","verbose":"true"}}',
		]);
	});

	test("sends nothing while an input is wrong, and says which and why", async () => {
		const dialog = await openForm();
		await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption("load-test");
		await dialog.getByLabel("users").fill("9000");
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await dialog.getByText("Give 1 to 5000.").waitFor();
		await dialog.getByText("This input is required.").waitFor();
		await expect
			.poll(() => dialog.getByLabel("users").evaluate((field) => field === document.activeElement))
			.toBe(true);
		expect(mock.asked).toEqual([]);
		await flows.seeNoBarrier(page);
	});

	test("says beside the input why the server refused it, and keeps what was entered", async () => {
		const dialog = await openForm();
		await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption("load-test");
		await dialog.getByLabel("ticket").fill("OLD-1");
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await dialog.getByText('"OLD-1" is closed').waitFor();
		expect(await dialog.getByLabel("ticket").inputValue()).toBe("OLD-1");
		await page.keyboard.press("Escape");
		await dialog.waitFor({ state: "detached" });
	});

	test("says who may start what this person may not, shows a file's faults, and a ref that is not there", async () => {
		const dialog = await openForm();
		await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption("hotfix");
		await dialog.getByText("by members of release only").waitFor();
		expect(await dialog.getByRole("button", { name: "Start", exact: true }).isDisabled()).toBe(true);
		await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption("nightly");
		await dialog.getByText(".penstock/nightly.yaml:4:3:").waitFor();
		await dialog.getByLabel("Branch, tag or commit").fill("prics");
		await dialog.getByText('no branch, tag or commit "prics"').waitFor();
		await dialog.getByLabel("Branch, tag or commit").fill("");
		await dialog.getByLabel("Repository").selectOption("api");
		await dialog.getByText("has no pipeline").waitFor();
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
		await page.getByText("The commit message says [skip ci]").waitFor();
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
	const pages = [
		"/",
		"/runs/web/42/jobs/4",
		"/runs/web/41",
		"/runs/web/40/jobs/21",
		"/runs/web/39",
		"/workers",
		"/triggers",
		"/nowhere",
	];
	test("axe finds none on any page, in the dark and on a phone, and nothing is wider than the screen", async () => {
		await begin(exampleRuns(Date.now()));
		for (const path of pages) {
			await page.goto(base + path);
			await page.locator("h1").first().waitFor();
			if (path.includes("/jobs/")) await page.locator(".view .line .text").first().waitFor();
			await flows.seeNoBarrierInAnyLook(page);
		}
		await page.goto(`${base}/`);
		await page.getByRole("button", { name: "Start a run" }).click();
		await flows.seeNoBarrierInAnyLook(page);
	});
});
