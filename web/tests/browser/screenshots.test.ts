/* Pictures of every page, to be looked at: test-results/*.png. PENSTOCK_PICTURE names a file for the README's picture of a run. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXAMPLE } from "../mock-configuration.ts";
import { exampleRuns } from "../mock-data.ts";
import { withDeliveries } from "../mock-deliveries.ts";
import { MockServer } from "../mock-server.ts";
import { launch, quit, signIn } from "./browser.ts";

const WEB = fileURLToPath(new URL("../../../build/web", import.meta.url));
const OUT = fileURLToPath(new URL("../../test-results", import.meta.url));
const PAGES = {
	runs: "/",
	run: "/runs/web/42",
	job: "/runs/web/42/jobs/4",
	gate: "/runs/web/41",
	failed: "/runs/web/40/jobs/21",
	broken: "/runs/web/39",
	refused: "/runs/api/7",
	waves: "/runs/shop/53",
	previews: "/runs/shop/52",
	rollback: "/runs/shop/51",
	"rolled-back": "/runs/shop/50",
	board: "/board",
	environment: "/environments/prod",
	workers: "/workers",
	triggers: "/triggers",
	configuration: "/configuration",
};
const LOOKS = {
	light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
	dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
	phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
} as const;

let mock: MockServer;
let base = "";

beforeAll(async () => {
	mkdirSync(OUT, { recursive: true });
	mock = new MockServer(withDeliveries(exampleRuns(Date.now()), Date.now()));
	base = await mock.listen(WEB);
});
afterAll(async () => {
	await quit();
	await mock.close();
});

async function settle(page: Page): Promise<void> {
	await page.locator("h1").first().waitFor();
	await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 250)));
}

test.each(Object.entries(LOOKS))("%s", async (look, options) => {
	const browser = await launch(options);
	const page = await browser.open(`${base}/`);
	await settle(page);
	await page.screenshot({ path: `${OUT}/login-${look}.png` });
	await signIn(page, "ann", "secret");
	for (const [name, path] of Object.entries(PAGES)) {
		await page.goto(base + path);
		await settle(page);
		await page.screenshot({ path: `${OUT}/${name}-${look}.png`, fullPage: name !== "runs" });
	}
	await page.goto(`${base}/`);
	await page.getByRole("button", { name: "Start a run" }).click();
	await page.getByRole("dialog").getByRole("combobox", { name: "Pipeline" }).selectOption("load-test");
	await settle(page);
	await page.screenshot({ path: `${OUT}/start-${look}.png` });
	await page.goto(`${base}/configuration`);
	const document = page.getByRole("textbox", { name: "Document" });
	await document.fill(EXAMPLE.replace("after: dev", "after: dve"));
	await page.locator(".mark").waitFor();
	await page.screenshot({ path: `${OUT}/configuration-wrong-${look}.png`, fullPage: true });
	await document.fill(EXAMPLE.replace("bake: 10m", "bake: 20m"));
	await page.getByRole("region", { name: "Differences" }).waitFor();
	await page.screenshot({ path: `${OUT}/configuration-changed-${look}.png`, fullPage: true });
	await browser.close();
	expect(browser.faults).toEqual([]);
});

test.runIf(process.env["PENSTOCK_PICTURE"])("the picture in the README", async () => {
	const browser = await launch({ colorScheme: "light", viewport: { width: 1040, height: 660 } });
	const page = await browser.open(`${base}/`);
	await signIn(page, "ann", "secret");
	const modules = ["cart", "prices", "search", "checkout", "account", "mail", "images", "stock"];
	mock.print(
		4,
		modules.map(
			(name, i) =>
				`  \x1b[32m✓\x1b[0m ${name.padEnd(10)} \x1b[2m${((i * 37 + 41) % 90) + 12} modules, ${((i * 53 + 70) % 210) + 20} ms\x1b[0m`,
		),
	);
	mock.print(4, ["\x1b[33mwarning:\x1b[0m stock: 1 unused export", "packing out/web.tar.gz"]);
	await page.goto(`${base}/runs/web/42/jobs/4`);
	await settle(page);
	await page.screenshot({ path: process.env["PENSTOCK_PICTURE"] as string });
	await browser.close();
});
