/* The configuration of the real server, from nothing: nobody has applied one yet. */
import { expect, test } from "vitest";
import * as flows from "./flows.ts";
import { begin, page } from "./server-fixture.ts";
import { ask } from "./world.ts";

interface InForce {
	version: number;
	text: string;
}
const inForce = (): Promise<InForce> => ask<InForce>("GET", "/configuration");
const document = () => page.getByRole("textbox", { name: "Document" });
const change = () => page.getByRole("region", { name: "What would change" });
const apply = (version: number) => page.getByRole("button", { name: `Apply as version ${version}`, exact: true });
const write = async (from: string | RegExp, to: string) =>
	document().fill((await document().inputValue()).replace(from, to));

test("the configuration begins with an example, and nobody's change is overwritten unseen", async () => {
	await begin("eve", "/board");
	await page.getByRole("main").getByRole("link", { name: "configuration" }).click();
	await page.getByText("Nothing is configured yet").waitFor();
	await change().getByText("environments.prod.floor.gate.approvals").waitFor();
	/* It works as it is, and nobody is warned of anything. */
	expect(await change().locator(".warning").count()).toBe(0);
	await page.getByLabel("Comment").fill("Begin");
	await apply(1).click();
	await page.getByText("Version 1 is in force").waitFor();
	await page.getByRole("row", { name: /^1 in force .* eve Begin/ }).waitFor();
	const first = await inForce();
	expect(first.text).toBe(await document().inputValue());

	await write("after: dev", "after: dve");
	await page.locator(".mark", { hasText: 'unknown environment "dve"; did you mean "dev"?' }).waitFor();
	await flows.seeNoBarrier(page);
	await page.getByRole("button", { name: /^line \d+:\d+$/ }).click();
	await page.keyboard.type("dev");
	await write("bake: 10m", "bake: 20m");
	await change().getByText('environments.prod.floor.bake: "10m" -> "20m"').waitFor();

	/* The administrator is faster. */
	const theirs = first.text.replace("tier: production", "tier: live");
	await ask("PUT", "/configuration", { text: theirs, version: 1, comment: "Another word" });
	await page.getByText("Version 2 is in force by now, and your text stands on version 1").waitFor();
	await change().getByText('environments.prod.tier: "live" -> "production"').waitFor();
	expect(await apply(3).isDisabled()).toBe(true);
	await page.getByRole("button", { name: "Take version 2 into my text" }).click();
	await change().getByText("1 difference to version 2").waitFor();
	await apply(3).click();
	await page.getByText("Version 3 is in force").waitFor();
	expect((await inForce()).text).toBe(theirs.replace("bake: 10m", "bake: 20m"));

	await page.getByRole("button", { name: "Go back to version 1" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByText('environments.prod.floor.bake: "20m" -> "10m"').waitFor();
	await dialog.getByLabel("Reason").fill("as it was");
	await dialog.getByRole("button", { name: "Go back to it" }).click();
	await page.getByRole("row", { name: /^4 in force .* version 1 again: as it was/ }).waitFor();
	expect((await inForce()).text).toBe(first.text);
});

test("a developer may try a change of the configuration, and reads who may apply it", async () => {
	await begin("dan", "/configuration");
	await change().getByText("Not applied by you: this takes the role admin; dan is a developer").waitFor();
	await write("bake: 10m", "bake: 1m");
	await change().getByText('environments.prod.floor.bake: "10m" -> "1m"').waitFor();
	await page.getByRole("button", { name: "What version 3 changed" }).click();
	await page.getByRole("dialog").getByText('environments.prod.floor.bake: "10m" -> "20m"').waitFor();
});
