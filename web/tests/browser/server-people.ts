/* Who may do what, and what becomes of a page whose session ends. */
import { describe, expect, test } from "vitest";
import { launch, signIn } from "./browser.ts";
import * as flows from "./flows.ts";
import { begin, browser, expectFaults, page } from "./server-fixture.ts";
import { base, password, start } from "./world.ts";

describe("a gate", () => {
	test("is approved with a comment, in another's browser, before the eyes of one who may not", async () => {
		const run = await start("web", "release");
		await begin("dan");
		await flows.openRun(page, base, run);
		await flows.seeRunState(page, "Waiting");
		await page
			.getByText(/waiting for/i)
			.first()
			.waitFor();
		await page.getByText(/release.*you are in none of these groups/i).waitFor();
		expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
		await flows.seeNoBarrier(page);
		const other = await launch();
		try {
			const hers = await other.open(`${base}/`);
			await signIn(hers, "ann", password);
			await flows.openRunFromList(hers, base, run);
			await flows.approve(hers, "Looks right to me.");
			await flows.seeRunState(hers, "Succeeded");
		} finally {
			await other.close();
		}
		expect(other.faults).toEqual([]);
		await page.getByText("Looks right to me.").waitFor();
		await flows.seeRunState(page, "Succeeded");
	});

	test("is refused with a comment, and the run ends", async () => {
		const run = await start("web", "release");
		await begin();
		await flows.openRun(page, base, run);
		await flows.seeRunState(page, "Waiting");
		await flows.refuse(page, "The prices are wrong.");
		await flows.seeRunState(page, "Cancelled");
		await page.getByText("ann refused").first().waitFor();
	});

	test("that somebody else decided meanwhile says so", async () => {
		const run = await start("web", "release");
		await begin();
		await flows.openRun(page, base, run);
		await flows.seeRunState(page, "Waiting");
		await page.getByRole("button", { name: "Approve" }).waitFor();
		await flows.cancel(page, "not today");
		await flows.seeRunState(page, "Cancelled");
		/* The answer to the request tells of the run, the stream of the gate. */
		await page.getByRole("button", { name: "Approve" }).waitFor({ state: "detached" });
	});
});

describe("people", () => {
	test("a viewer sees everything and is offered nothing to press", async () => {
		await begin("vic");
		await flows.openRunFromList(page, base, "web#1");
		for (const name of ["Start a run", "Run again", "Cancel", "Retry failed"])
			expect(await page.getByRole("button", { name, exact: true }).count()).toBe(0);
		await page.getByRole("link", { name: "Workers" }).click();
		await page.getByText("Online").waitFor();
		expect(await page.getByRole("button", { name: /^Drain/ }).count()).toBe(0);
	});

	test("a session that ends on the server leads to the sign-in page, and back to where one was", async () => {
		await begin();
		await flows.openRun(page, base, "web#1");
		expectFaults(/^401 /);
		/* The stream that the server ends is not opened again: it is the button that finds out. */
		await page.route("**/events", () => {});
		const me = (await (await page.request.get(`${base}/api/v1/me`)).json()) as { csrf: string };
		const ended = await page.request.post(`${base}/api/v1/logout`, {
			headers: { "X-CSRF-Token": me.csrf, Origin: base },
			data: {},
		});
		expect(ended.status()).toBe(204);
		await page.getByRole("button", { name: "Run again" }).click();
		await page.getByText("Your session has ended").waitFor();
		await page.unroute("**/events");
		await flows.seeNoBarrier(page);
		await signIn(page, "ann", password);
		await page.getByRole("heading", { level: 1, name: "web#1" }).waitFor();
	});

	test("changes their password, and goes on where they were", async () => {
		await begin("pat");
		expectFaults(/^403 /);
		const change = async (present: string) => {
			await page.getByRole("button", { name: "pat", exact: true }).click();
			await page.getByLabel("Present password").fill(present);
			await page.getByLabel("New password", { exact: true }).fill("another correct horse");
			await page.getByLabel("New password, once more").fill("another correct horse");
			await page.getByRole("button", { name: "Change it" }).click();
		};
		await change("a guess at it");
		await page.getByText("the present password is wrong").waitFor();
		await flows.seeNoBarrier(page);
		await page.getByLabel("Present password").fill(password);
		await page.getByRole("button", { name: "Change it" }).click();
		await page.getByText("Your password has been changed").waitFor();
		await page.getByRole("button", { name: "Close" }).click();
		await page.getByRole("button", { name: "Sign out" }).click();
		await signIn(page, "pat", "another correct horse");
		await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
	});

	test("signing out ends it for all tabs", async () => {
		await begin();
		expectFaults(/^401 /);
		const second = await browser.open(`${base}/workers`);
		await second.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
		await page.getByRole("button", { name: "Sign out" }).click();
		await page.getByRole("heading", { name: "Sign in to Penstock" }).waitFor();
		expect(await page.getByText("Your session has ended").count()).toBe(0);
		await second.getByRole("heading", { name: "Sign in to Penstock" }).waitFor();
	});
});
