/* The configuration in Chromium against the mock server: written, compared, applied, overtaken, taken back. */
import { expect, test } from "vitest";
import { EXAMPLE } from "../mock-configuration.ts";
import { emptyData, exampleRuns } from "../mock-data.ts";
import { signIn } from "./browser.ts";
import * as flows from "./flows.ts";
import { base, begin, browser, mock, page } from "./mock-fixture.ts";

const document = () => page.getByRole("textbox", { name: "Document" });
const change = () => page.getByRole("region", { name: "What would change" });
const apply = (version: number) => page.getByRole("button", { name: `Apply as version ${version}`, exact: true });
const dialog = () => page.getByRole("dialog");
const LONGER = EXAMPLE.replace("bake: 10m", "bake: 20m");

async function open(person = "eve", data = exampleRuns(Date.now())): Promise<void> {
	await begin(data, person);
	await page.getByRole("link", { name: "Configuration" }).click();
	await page.getByRole("heading", { level: 1, name: "Configuration" }).waitFor();
}

test("shows what is in force and how it came about, and applies what was compared, with a comment", async () => {
	await open();
	await page.getByText(/^Version 4, applied .* by eve: version 2 again: ten seconds is no bake$/).waitFor();
	await change().getByText("The text is that of version 4").waitFor();
	await expect.poll(() => document().inputValue()).toBe(EXAMPLE);
	await document().fill(LONGER);
	await change().getByText("1 difference to version 4").waitFor();
	await change().getByText('environments.prod.floor.bake: "10m" -> "20m"').waitFor();
	await page.getByText("Not applied yet", { exact: true }).waitFor();
	await page.getByLabel("Comment").fill("Look longer");
	await apply(5).click();
	await page.getByText("Version 5 is in force").waitFor();
	await page.getByRole("row", { name: /^5 in force .* eve Look longer/ }).waitFor();
	await page.getByText("Not applied yet", { exact: true }).waitFor({ state: "detached" });
	expect(mock.asked).toEqual([
		`PUT /api/v1/configuration ${JSON.stringify({ text: LONGER, version: 4, comment: "Look longer" })}`,
	]);
});

test("says beside the line what is wrong, leads there, and applies nothing", async () => {
	await open();
	await document().fill(EXAMPLE.replace("after: dev", "after: dve").replace("approvals: 2", "aprovals: 2"));
	await change().getByText("2 errors: nothing can be applied").waitFor();
	await page.locator(".mark", { hasText: 'unknown environment "dve"; did you mean "dev"?' }).waitFor();
	await page.getByRole("button", { name: "line 26:15" }).click();
	const selected = () =>
		document().evaluate((field: HTMLTextAreaElement) =>
			field === window.document.activeElement ? field.value.slice(field.selectionStart, field.selectionEnd) : "",
		);
	await expect.poll(selected).toBe("aprovals");
	expect(await apply(5).isDisabled()).toBe(true);
	await flows.seeNoBarrierInAnyLook(page);
	await page.keyboard.type("approvals");
	await change().getByText("1 error: nothing can be applied").waitFor();
	await document().fill(`${EXAMPLE}# only a note\n`);
	await change().getByText("No difference in meaning").waitFor();
	await expect.poll(() => apply(5).isEnabled()).toBe(true);
});

test("is written with the keyboard: lines begin below each other, move in and out, and Tab leads on", async () => {
	await open("eve", emptyData());
	await document().fill("environments:");
	await document().press("End");
	await page.keyboard.press("Enter");
	await page.keyboard.type("dev:");
	await page.keyboard.press("Enter");
	await page.keyboard.type("order: 1");
	await expect.poll(() => document().inputValue()).toBe("environments:\n  dev:\n    order: 1");
	await page.keyboard.press("Control+BracketLeft");
	await expect.poll(() => document().inputValue()).toBe("environments:\n  dev:\n  order: 1");
	await page.keyboard.press("Control+BracketRight");
	await expect.poll(() => document().inputValue()).toBe("environments:\n  dev:\n    order: 1");
	await page.keyboard.press("Control+z");
	await expect.poll(() => document().inputValue()).toBe("environments:\n  dev:\n  order: 1");
	await page.keyboard.press("Tab");
	await expect.poll(() => document().evaluate((field) => field === window.document.activeElement)).toBe(false);
});

test("a version of somebody else is told: who only looks sees it, who writes loses nothing and overwrites nothing unseen", async () => {
	await open();
	await change().getByText("The text is that of version 4").waitFor();
	mock.configure("bob", LONGER.replaceAll("\n", "\r\n"), "Look longer"); /* from another kind of machine */
	await page.getByText("Version 5 has just come into force, by bob").waitFor();
	await expect.poll(() => document().inputValue()).toBe(LONGER);

	await document().fill(LONGER.replace("[ann, bob]", "[ann]"));
	await change().getByText("1 difference to version 5").waitFor();
	mock.configure("bob", LONGER.replace("wave: 1", "wave: 3"), "The other way round");
	await page.getByText("Version 6 is in force by now, and your text stands on version 5").waitFor();
	await change().getByText("2 differences to version 6").waitFor();
	expect(await apply(7).isDisabled()).toBe(true);
	await page.getByRole("button", { name: "What it changed", exact: true }).first().click();
	await dialog().getByText("eu-canary").waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: "Take version 6 into my text" }).click();
	await change().getByText("1 difference to version 6").waitFor();
	await expect.poll(() => document().inputValue()).toContain("wave: 3");

	const theirs = mock.data.configuration.versions.at(-1)?.text.replace("[ann, bob]", "[bob]");
	mock.configure("bob", theirs ?? "", "Ann has gone");
	await page.getByText("It changed some of the lines that you have changed").waitFor();
	await page.getByRole("button", { name: "Go on with my text alone" }).click();
	await change().getByText('groups.developers: "[bob]" -> "[ann]"').waitFor();
	await apply(8).click();
	await page.getByText("Version 8 is in force").waitFor();
});

test("what the server refuses stands in its own words, and the text stays", async () => {
	await open();
	await document().fill(LONGER);
	await change().getByText("1 difference to version 4").waitFor();
	mock.refusal = "web#42 is deploying to eu of prod, which this would take away; let the run end";
	await apply(5).click();
	await page.getByRole("alert").getByText("web#42 is deploying to eu of prod").waitFor();
	expect(await document().inputValue()).toBe(LONGER);
	mock.isDown = true;
	mock.dropStreams();
	await document().fill(`${LONGER}# a note\n`);
	await change().getByText("The server cannot be reached").waitFor();
	mock.isDown = false;
	await expect.poll(() => page.getByRole("alert").count()).toBe(0);
	await change().getByText("1 difference to version 4").waitFor();
	await page.getByRole("button", { name: "Discard…" }).click();
	await dialog().getByRole("button", { name: "Discard it" }).click();
	await expect.poll(() => document().inputValue()).toBe(EXAMPLE);
});

test("unsaved text outlives another page, a reload and a session, and leaving asks first", async () => {
	await open();
	await document().fill(LONGER);
	await page.getByLabel("Comment").fill("Look longer");
	await page.getByRole("link", { name: "Board" }).click();
	await page.getByRole("heading", { level: 1, name: "Board" }).waitFor();
	await page.getByRole("link", { name: "Configuration (not applied yet)" }).click();
	await page.getByText("Your text is as you left it").waitFor();
	await page.getByRole("link", { name: "Workers" }).click();
	await page.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
	await browser.context.clearCookies(); /* that page asks every few seconds */
	await page.getByText("Your session has ended").waitFor();
	await signIn(page, "eve", "secret");
	const asked = page.waitForEvent("dialog");
	const left = page.goto(`${base}/configuration`);
	const question = await asked;
	expect(question.type()).toBe("beforeunload");
	await question.accept();
	await left;
	await page.getByText("Your text is as you left it").waitFor();
	expect(await document().inputValue()).toBe(LONGER);
	expect(await page.getByLabel("Comment").inputValue()).toBe("Look longer");
	await change().getByText("1 difference to version 4").waitFor();
});

test("each version says what it changed, and comes again with a reason", async () => {
	await open();
	await page.getByRole("button", { name: "What version 2 changed" }).click();
	await dialog().getByText("environments.staging.floor.after").waitFor();
	await dialog().getByText("Its text").click();
	await dialog().getByRole("region", { name: "Text of version 2" }).getByText("What there is to deploy to").waitFor();
	await flows.seeNoBarrier(page);
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: "Go back to version 3" }).click();
	await dialog().getByText('environments.prod.floor.bake: "10m" -> "10s"').waitFor();
	await dialog().getByLabel("Reason").fill("a fire drill");
	await dialog().getByRole("button", { name: "Go back to it" }).click();
	await page.getByRole("row", { name: /^5 in force .* version 3 again: a fire drill/ }).waitFor();
	await expect.poll(() => document().inputValue()).toContain("bake: 10s");
	expect(mock.asked).toEqual(['POST /api/v1/configuration/revert {"to":3,"version":4,"comment":"a fire drill"}']);
});

test("who may not apply may try, who may not compare may read, and both are told who may", async () => {
	await open("ann");
	await document().fill(LONGER);
	await change().getByText("1 difference to version 4").waitFor();
	await change().getByText("Not applied by you: this takes the role admin; ann is an operator").waitFor();
	await page.getByRole("button", { name: "Go back to version 2" }).click();
	await dialog().getByText("Not by you: this takes the role admin").waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: "Sign out" }).click();
	await signIn(page, "vic", "secret");
	await page.getByText("Changing it is not for you: this takes the role admin; vic is a viewer").waitFor();
	await expect.poll(() => document().inputValue()).toBe(EXAMPLE);
	expect(await document().isEditable()).toBe(false);
	expect(mock.asked.filter((one) => !one.includes("logout"))).toEqual([]);
});

test("a newcomer begins with an example", async () => {
	await open("eve", emptyData());
	await page.getByText("Nothing is configured yet").waitFor();
	await change()
		.getByText(/differences to an empty configuration/)
		.waitFor();
	await apply(1).click();
	await page.getByText("Version 1 is in force").waitFor();
	await page.getByText("Nothing is configured yet").waitFor({ state: "detached" });
});

test("a page that does not come is said, and asked for again", async () => {
	await begin(exampleRuns(Date.now()), "eve");
	const chunk = /\/assets\/ConfigurationPage-[^/]*\.js$/;
	await page.route(chunk, (route) => route.abort());
	await page.getByRole("link", { name: "Configuration" }).click();
	await page.getByRole("alert").getByText("This page could not be loaded").waitFor();
	await page.unroute(chunk);
	await page.getByRole("button", { name: "Load it again" }).click();
	await expect.poll(() => document().inputValue()).toBe(EXAMPLE);
});
