/* The log of a job: live, long, searched, linked to. */
import { describe, expect, test } from "vitest";
import { runHref } from "../../src/lib/routes";
import * as flows from "./flows.ts";
import { BIG_LINES } from "./server-pipelines.ts";
import { begin, page } from "./server-fixture.ts";
import { ask, base, start } from "./world.ts";

let big = "";

interface RunOfServer {
	run: { state: string };
	stages: { jobs: { id: number }[] }[];
}

/* The run whose job prints many lines; the first test that needs it starts it. */
async function openBig(hash = ""): Promise<void> {
	if (big === "") {
		big = await start("web", "big");
		const read = (): Promise<RunOfServer> => ask("GET", `/runs/${encodeURIComponent(big)}`);
		await expect.poll(async () => (await read()).run.state).toBe("succeeded");
	}
	const whole = await ask<RunOfServer>("GET", `/runs/${encodeURIComponent(big)}`);
	await page.goto(base + runHref(big, whole.stages[0]?.jobs[0]?.id ?? 0) + hash);
	await page.getByText(`${BIG_LINES.toLocaleString("en")} lines`).waitFor();
}

/* So many has the log of its only job when it is whole. */
async function linesOf(run: string): Promise<number> {
	const whole = await ask<RunOfServer>("GET", `/runs/${encodeURIComponent(run)}`);
	const read = async () =>
		(await page.request.get(`${base}/api/v1/jobs/${whole.stages[0]?.jobs[0]?.id ?? 0}/log?lines=1`)).headers();
	await expect.poll(async () => (await read())["penstock-log-complete"]).toBe("true");
	return Number((await read())["penstock-log-lines"]);
}

function middle(values: number[], part: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

describe("a log", () => {
	test("follows what a job prints, line by line as it is printed", async () => {
		const run = await start("web", "ticks");
		await begin();
		await flows.openRun(page, base, run);
		await page.locator("a.job").first().click();
		await page.locator(".view .line .text", { hasText: "printed" }).first().waitFor();
		/* Each line says when it was printed; the page notes when it could first be seen. What is there already says nothing. */
		await page.evaluate(() => {
			const seen: Record<string, number> = {};
			const texts = (): string[] =>
				[...document.querySelectorAll(".lines .text")].map((line) => line.textContent ?? "");
			const before = new Set(texts());
			Object.assign(window, { seen });
			new MutationObserver(() => {
				for (const text of texts())
					if (text.startsWith("printed ") && !before.has(text))
						requestAnimationFrame(() => (seen[text] ??= Date.now()));
			}).observe(document.querySelector(".lines") as Element, { childList: true, subtree: true, characterData: true });
		});
		await page.waitForFunction(
			() => Object.keys((window as unknown as { seen: Record<string, number> }).seen).length >= 15,
		);
		await ask("POST", `/runs/${encodeURIComponent(run)}/cancel`, { reason: "seen" });
		await flows.seeRunState(page, "Cancelled");
		await page.getByText(`${await linesOf(run)} lines`, { exact: true }).waitFor();
		const seen = await page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
		const delays = Object.entries(seen).map(([line, at]) => at - Number(line.split(" ")[1]));
		console.log(
			`line printed -> visible, ${delays.length} lines: median ${middle(delays, 0.5)} ms, p90 ${middle(delays, 0.9)} ms, most ${Math.max(...delays)} ms`,
		);
		/* How long it took is printed, not judged: the machine may be busy. */
	});

	test(`of ${BIG_LINES.toLocaleString("en")} lines scrolls without a gap and draws only what is in view`, async () => {
		await begin();
		await openBig();
		await page.locator(".view").hover();
		for (let i = 0; i < 40; i++) {
			await page.mouse.wheel(0, 500);
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			const seen = await flows.lookAtLog(page);
			expect(seen.gap).toBeLessThanOrEqual(20);
			expect(seen.inOrder).toBe(true);
			expect(seen.drawn).toBeLessThan(200);
		}
		await expect.poll(async () => (await flows.lookAtLog(page)).last).toBeGreaterThan(800);
		/* A jump shows where one is at once and the lines as soon as they have come. */
		for (const part of [0.31, 0.87, 0.13]) {
			await page.locator(".view").evaluate((view, at) => (view.scrollTop = view.scrollHeight * at), part);
			/* The view is drawn in the frame behind the jump. */
			const isWhole = ({ gap, missing, inOrder }: flows.LogLook): boolean => gap <= 20 && missing === 0 && inOrder;
			await expect.poll(async () => isWhole(await flows.lookAtLog(page))).toBe(true);
			const seen = await flows.lookAtLog(page);
			expect(Math.abs(seen.first - BIG_LINES * part)).toBeLessThan(BIG_LINES / 100);
		}
		await page.keyboard.press("Shift+G");
		await flows.seeInLog(page, `record ${BIG_LINES} of`);
		await page.keyboard.press("g");
		await flows.seeInLog(page, "record 000001 of");
	});

	test("a link leads to its line, and one's own line becomes the address", async () => {
		await begin();
		await openBig("#L77777");
		await flows.seeInLog(page, "record 077777 of");
		await page.locator(".line.target, .line[aria-current]", { hasText: "record 077777" }).waitFor();
		await page.locator(".line", { hasText: "record 077780" }).locator("a.number").click();
		await page.waitForURL("**#L77780");
	});

	test("is searched as a whole, from match to match", async () => {
		await begin();
		await openBig();
		await flows.searchLog(page, "the middle");
		const line = page.locator(".line", { hasText: "the middle" });
		await line.waitFor();
		expect(await line.getAttribute("data-line")).toBe("50000");
		await flows.searchLog(page, "9999 of");
		await page.getByText(/^1 of 10$/).waitFor();
		await page.keyboard.press("Enter");
		await page.getByText(/^2 of 10$/).waitFor();
		await flows.searchLog(page, "nowhere in it", "none");
	});

	test("shows the colours that were printed, of 16 and of 256", async () => {
		await begin();
		await openBig("#L50000");
		const line = page.locator('.line[data-line="50000"]', { hasText: "the middle" }); // not yet "…"
		await line.waitFor();
		const colours = await line
			.locator(".text span")
			.evaluateAll((spans) => spans.map((span) => `${span.textContent}: ${getComputedStyle(span).color}`));
		expect(colours).toContain("the middle: rgb(255, 135, 0)");
		expect(colours.some((colour) => colour.startsWith("error:") && colour.includes("255, 123, 114"))).toBe(true);
	});

	test("its keys work: first error, search, close", async () => {
		await begin();
		await openBig();
		await page.keyboard.press("e");
		await page.waitForURL("**#L50000");
		await page.keyboard.press("/");
		await page.keyboard.type("record 000042");
		await page.locator(".view .line.hit mark").first().waitFor();
		await page.keyboard.press("Escape");
		await page.keyboard.press("Escape");
		await page.waitForURL(/\/runs\/web\/\d+$/);
	});
});
