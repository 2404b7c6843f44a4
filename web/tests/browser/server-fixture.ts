/*
 * One browser and, for each test, a page of a person who has signed in to the real server. No test passes whose console was
 * not clean: what a flow lets the server refuse on purpose, it says beforehand.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, expect } from "vitest";
import { launch, quit, signIn, type Browser } from "./browser.ts";
import { base, password } from "./world.ts";

/* Of the test that runs; begin() sets them. */
export let browser: Browser;
export let page: Page;
let isOpen = false;
let expected: RegExp[] = [];

/** Faults that belong to the flow: `401 GET /api/v1/runs`, or the console's own words. */
export function expectFaults(...patterns: RegExp[]): void {
	expected.push(...patterns);
}

export async function beginSignedOut(path = "/", options: Parameters<typeof launch>[0] = {}): Promise<void> {
	/* Asking who one is, is how a page learns that nobody has signed in. */
	expected = [/^401 GET \/api\/v1\/me$/];
	browser = await launch(options);
	isOpen = true;
	page = await browser.open(base + path);
}

export async function begin(person = "ann", path = "/", options: Parameters<typeof launch>[0] = {}): Promise<void> {
	await beginSignedOut(path, options);
	await signIn(page, person, password);
}

afterEach(async () => {
	if (!isOpen) return;
	isOpen = false;
	await browser.close();
	const all = [...browser.faults, ...browser.refusals];
	expect(all.filter((fault) => !expected.some((pattern) => pattern.test(fault)))).toEqual([]);
});
afterAll(quit);
