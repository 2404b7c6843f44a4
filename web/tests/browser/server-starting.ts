/* Runs by hand, with the inputs that their pipelines ask for. */
import { describe, expect, test } from "vitest";
import * as flows from "./flows.ts";
import { begin, expectFaults, page } from "./server-fixture.ts";
import { ask, push } from "./world.ts";

describe("starting a run by hand", () => {
	test("the form asks for what the pipeline's file declares, and the job gets it", async () => {
		await begin("ann", "/");
		const dialog = await flows.openStartForm(page, "web", "load-test");
		await dialog.getByText("Production is never load-tested.").waitFor();
		expect(await dialog.getByLabel("users").inputValue()).toBe("50");
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await dialog.getByText("This input is required.").waitFor();
		await flows.seeNoBarrier(page);
		await dialog.getByLabel("Where to").selectOption("qa");
		await dialog.getByLabel("users").fill("200");
		await dialog.getByLabel("length").fill("90m");
		await dialog.getByLabel("ticket").fill("WEB-17");
		await dialog.getByLabel("Print every request").check();
		await flows.sendStartForm(dialog);
		await flows.seeRunState(page, "Succeeded");
		await flows.openJob(page, "load");
		await flows.seeInLog(page, "qa 200 1h30m WEB-17 true");
		await page.getByRole("heading", { name: "Inputs" }).waitFor();
	});

	test("what only the server knows to be wrong is said beside its field", async () => {
		await begin();
		expectFaults(/^400 POST \/api\/v1\/runs$/);
		const dialog = await flows.openStartForm(page, "web", "load-test");
		await dialog.getByLabel("ticket").waitFor();
		/* Meanwhile the rule of the file on the branch changes. */
		await push("web", { ".penstock/load-test.yaml": LATER }, "Only new tickets [skip ci]");
		await seeOnServer("Only new tickets [skip ci]");
		await dialog.getByLabel("ticket").fill("WEB-17");
		await dialog.getByRole("button", { name: "Start", exact: true }).click();
		await dialog
			.locator(".field", { hasText: "ticket" })
			.getByText(/WEB-17/)
			.waitFor();
		expect(await dialog.getByLabel("ticket").inputValue()).toBe("WEB-17");
	});

	test("who may not start a pipeline reads who may", async () => {
		await begin("dan");
		const dialog = await flows.openStartForm(page, "web", "load-test");
		await dialog.getByText(/by members of release only/).waitFor();
		expect(await dialog.getByRole("button", { name: "Start", exact: true }).isDisabled()).toBe(true);
		await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption({ value: "ci" });
		await dialog
			.getByText(/Not to be started: ci does not run on requests by hand|Not to be started: .*by hand/)
			.waitFor();
	});

	test("a ref that is not there is said, one that is there is read", async () => {
		await begin();
		expectFaults(/^404 GET \/api\/v1\/repositories\/web\/pipelines$/);
		const dialog = await flows.openStartForm(page, "web", "load-test");
		await dialog.getByLabel("Branch, tag or commit").fill("mian");
		await dialog.getByText('no branch, tag or commit "mian"').waitFor();
		await dialog.getByLabel("Branch, tag or commit").fill("main");
		await dialog.getByLabel("ticket").waitFor();
	});
});

const LATER = `name: load-test
on: { manual: { refs: ["**"], groups: [release] } }
inputs:
  ticket: { type: string, required: true, pattern: "NEW-[0-9]+", description: The ticket that asks for it }
stages:
  - name: load
    jobs: { load: { steps: [ { run: "echo $INPUT_TICKET" } ] } }
`;

async function seeOnServer(title: string): Promise<void> {
	const read = async (): Promise<string> => (await ask<{ title: string }>("GET", "/repositories/web/pipelines")).title;
	await expect.poll(read).toBe(title);
}
