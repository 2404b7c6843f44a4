/*
 * One browser and, for each test, one mock server and one signed-in page. Importing it also arranges that no test passes whose
 * pages threw, or needed what the Content-Security-Policy forbids.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, expect } from "vitest";
import type { MockData } from "../mock-data.ts";
import { MockServer } from "../mock-server.ts";
import { launch, quit, signIn, type Browser } from "./browser.ts";

const WEB = fileURLToPath(new URL("../../../build/web", import.meta.url));

/* Of the test that runs; begin() sets them. */
export let browser: Browser;
export let mock: MockServer;
export let base: string;
export let page: Page;

/** A page at `path`, where nobody has signed in. */
export async function beginSignedOut(
	data: MockData,
	path = "/",
	options: Parameters<typeof launch>[0] = {},
): Promise<void> {
	mock = new MockServer(data);
	base = await mock.listen(WEB);
	browser = await launch(options);
	page = await browser.open(base + path);
}

export async function begin(data: MockData, person = "ann", options: Parameters<typeof launch>[0] = {}): Promise<void> {
	await beginSignedOut(data, "/", options);
	await signIn(page, person, "secret");
}

afterEach(async () => {
	await browser.close();
	await mock.close();
	expect(browser.faults).toEqual([]);
});
afterAll(quit);
