/* A server that knows nothing yet, up to its first run. */
import { describe, expect, test } from "vitest";
import { signIn } from "./browser.ts";
import * as flows from "./flows.ts";
import { WEB } from "./server-pipelines.ts";
import { begin, beginSignedOut, browser, expectFaults, page } from "./server-fixture.ts";
import { base, makeRepository, password, push } from "./world.ts";

describe("the first day", () => {
	test("the pages come with a policy that forbids inline scripts and styles", async () => {
		await beginSignedOut();
		const answer = await page.request.get(`${base}/`);
		const policy = answer.headers()["content-security-policy"] ?? "";
		expect(policy).toContain("script-src 'self'");
		expect(policy).toContain("style-src 'self'");
		expect(policy).not.toContain("unsafe");
		/* A page that somebody kept the address of is answered with the same file. */
		expect((await page.request.get(`${base}/runs/none/1`)).status()).toBe(200);
	});

	test("a wrong password is said, the right one opens the page that was asked for", async () => {
		await beginSignedOut("/workers");
		expectFaults(/^401 POST \/api\/v1\/login$/);
		await page.getByLabel("Name").fill("ann");
		await page.getByLabel("Password").fill("wrong horse");
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("alert").waitFor();
		await flows.seeNoBarrier(page);
		await signIn(page, "ann", password);
		await page.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
		await page.getByText("Online").waitFor();
	});

	test("without a repository the pages say which commands come next", async () => {
		await begin();
		await page.getByText("penstock repo add").waitFor();
		await flows.seeNoBarrier(page);
		await page.getByRole("button", { name: "Start a run" }).click();
		await page.getByRole("dialog").getByText("There is no repository yet").waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("link", { name: "Triggers" }).click();
		await page.getByText("Nothing has come in yet").waitFor();
		await flows.seeNoBarrier(page);
	});

	test("the first push shows up by itself, and its run goes through before one's eyes", async () => {
		await makeRepository("web", WEB);
		await begin();
		await page.getByText("No runs yet").waitFor();
		await push("web", {}, "Count the sheep");
		await page.getByText("Count the sheep").waitFor();
		await page.locator("li", { hasText: "web#1" }).getByText("Succeeded", { exact: true }).waitFor();
		expect(await page.locator("a.name").allTextContents()).toEqual(["web#1"]);
		expect(browser.refusals.filter((one) => !one.startsWith("401"))).toEqual([]);
	});
});
