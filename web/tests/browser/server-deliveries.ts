/* A release through environments: what the page shows of it while it happens, without being loaded again. */
import { expect, test } from "vitest";
import * as flows from "./flows.ts";
import { begin, page } from "./server-fixture.ts";
import { ask, base, makeRepository, push } from "./world.ts";

const CI = `name: ci
on: { push: { branches: [main] } }
stages:
  - name: build
    jobs:
      package:
        outputs: [version]
        steps: [ { run: "echo version=1.0 >> $CI_OUTPUT" } ]
  - name: prod
    gate: { approvals: 1, groups: [release] }
    environment: prod
    waves: [ { targets: [eu-1], bake: 12s }, { targets: ["*"], parallel: 2 } ]
    tests: { smoke: { once: wave, steps: [ { run: "echo smoke" } ] } }
deploy:
  service: shop
  version: "\${{ jobs.package.outputs.version }}"
  preview: [ { run: "echo would deploy $CI_VERSION to $CI_TARGET" } ]
  steps: [ { run: "echo $CI_VERSION is on $CI_TARGET" } ]
`;
const CONFIGURATION = `services: { shop: {} }
environments:
  prod: { tier: production, targets: { eu-1: {}, us-1: {}, us-2: {} } }
`;

test("a release is approved by what its previews say, and its waves go on before one's eyes", async () => {
	const { version } = await ask<{ version: number }>("GET", "/configuration");
	await ask("PUT", "/configuration", { text: CONFIGURATION, version });
	await makeRepository("shop", { ".penstock/ci.yaml": CI });
	await push("shop", {}, "Release the shop");
	await begin();
	await page.locator("a.name", { hasText: "shop#1" }).waitFor();
	await flows.openRun(page, base, "shop#1");

	const gate = page.getByRole("region", { name: "Gate of prod" });
	await gate.getByRole("button", { name: "Approve" }).waitFor();
	await gate.getByText("nothing of it runs there yet").waitFor();
	await gate.getByRole("link", { name: /us-1/ }).click();
	await page.getByRole("region", { name: "Log of preview us-1" }).waitFor();
	await flows.seeInLog(page, "would deploy 1.0 to us-1");
	await flows.seeNoBarrier(page);
	await page.keyboard.press("Escape");
	await flows.approve(page, "As it should be.");

	const wave = (number: number) =>
		page
			.getByRole("list", { name: "Waves of prod" })
			.locator("li.wave")
			.nth(number - 1);
	await wave(1).getByRole("progressbar", { name: "Bake time of wave 1" }).waitFor();
	await wave(1)
		.getByText(/Bakes until .* left/)
		.waitFor();
	await wave(2).getByText("Not started").first().waitFor();
	await wave(1).locator("a.target", { hasText: "eu-1" }).getByText("Live").waitFor();
	await flows.seeRunState(page, "Succeeded");
	await wave(1).getByText("Baked for").waitFor();
	for (const target of ["us-1", "us-2"])
		await wave(2).locator("a.target", { hasText: target }).getByText("Live").waitFor();
	await wave(2).locator("a.job", { hasText: "smoke" }).waitFor();
	await page.locator("li.stage", { hasText: "prod" }).getByText("2 of 2 waves").waitFor();
	await wave(2).locator("a.target", { hasText: "us-2" }).click();
	await flows.seeInLog(page, "1.0 is on us-2");
	await flows.openJob(page, "package");
	await page.locator("dl.outputs", { hasText: "version" }).getByText("1.0", { exact: true }).waitFor();
	expect(await page.locator(".stage").count()).toBe(2);
});
