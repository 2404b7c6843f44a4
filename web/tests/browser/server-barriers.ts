/* Every page for everybody: with a keyboard, on a phone, in the light and in the dark, read aloud. */
import { describe, expect, test } from "vitest";
import { runHref } from "../../src/lib/routes";
import * as flows from "./flows.ts";
import { begin, page } from "./server-fixture.ts";
import { ask, base } from "./world.ts";

interface Listed {
	runs: { name: string; pipeline: string; state: string }[];
}

/* One run of each kind that the flows before have left behind. */
async function places(): Promise<string[]> {
	const { runs } = await ask<Listed>("GET", "/runs?limit=200");
	const find = (fits: (run: Listed["runs"][number]) => boolean): string => runs.find(fits)?.name ?? "web#1";
	const flaky = find((run) => run.pipeline === "flaky");
	const whole = await ask<{ stages: { jobs: { id: number; key: string }[] }[] }>(
		"GET",
		`/runs/${encodeURIComponent(flaky)}`,
	);
	const job = whole.stages[0]?.jobs.find((one) => one.key.endsWith("/flaky"));
	return [
		"/",
		runHref("web#1"),
		runHref(flaky, job?.id ?? 0),
		runHref(find((run) => run.pipeline === "release" && run.state === "cancelled")),
		runHref(find((run) => run.state === "failed")),
		runHref(find((run) => run.pipeline === "load-test")),
		"/workers",
		"/triggers",
		"/configuration",
		"/nowhere",
	];
}

/* For people to look at: PENSTOCK_PICTURES names a folder. */
async function takePicture(look: string, path: string): Promise<void> {
	const folder = process.env["PENSTOCK_PICTURES"];
	if (!folder) return;
	const name = path === "/" ? "runs" : path.slice(1).replaceAll("/", "-");
	await page.screenshot({ path: `${folder}/${name}-${look}.png`, fullPage: true });
}

describe("barriers", () => {
	test("axe finds none, in the dark and on a phone, and nothing is wider than the screen", async () => {
		await begin();
		for (const path of await places()) {
			await page.goto(base + path);
			await page.locator("h1").first().waitFor();
			if (path === "/configuration") await page.getByRole("textbox", { name: "Document" }).waitFor();
			if (path.includes("/jobs/")) await page.locator(".view .line .text").first().waitFor();
			await flows.seeNoBarrierInAnyLook(page, (look) => takePicture(look, path));
		}
		await page.goto(`${base}/`);
		const dialog = await flows.openStartForm(page, "web", "load-test");
		await dialog.getByLabel("ticket").waitFor();
		await flows.seeNoBarrierInAnyLook(page, (look) => takePicture(look, "/start"));
	});

	test("everything is reached without a mouse", async () => {
		await begin();
		await page.locator("a.name").first().waitFor();
		await page.keyboard.press("Tab");
		expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
		await page.keyboard.press("j");
		await page.keyboard.press("j");
		const second = await page.locator("a.name").nth(1).textContent();
		expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(second);
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { level: 1, name: second ?? "" }).waitFor();
		await page.locator("a.job, .notice").first().waitFor();
		await page.keyboard.press("?");
		await page.getByRole("dialog", { name: "Keys" }).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("dialog").waitFor({ state: "detached" });
		await flows.openRun(page, base, "web#1");
		await page.keyboard.press("j");
		await page.keyboard.press("Enter");
		await page.getByRole("region", { name: /^Log of/ }).waitFor();
		await page.keyboard.press("Escape");
		await page.waitForURL(/\/runs\/web\/1$/);
	});

	test("the colours are chosen and remembered", async () => {
		await begin("ann", "/", { colorScheme: "light" });
		const ground = (): Promise<string> =>
			page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
		const button = page.getByRole("button", { name: /^Colours/ });
		await button.click();
		const light = await ground();
		await button.click();
		const dark = await ground();
		expect(light).not.toBe(dark);
		await page.reload();
		await page.locator("a.name").first().waitFor();
		expect(await ground()).toBe(dark);
	});
});
