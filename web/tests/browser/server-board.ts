/* The board and an environment of the real server; server-deliveries.ts has released 1.0 of the shop to prod. */
import { test } from "vitest";
import * as flows from "./flows.ts";
import { begin, page } from "./server-fixture.ts";
import { ask, base } from "./world.ts";

test("from the board a version is deployed once more, and waits where everybody sees it", async () => {
	await begin();
	await page.goto(`${base}/board`);
	const shop = page.getByRole("row", { name: /^shop / });
	await shop.getByRole("link", { name: "1.0", exact: true }).click();
	await page.getByRole("heading", { level: 1, name: "prod" }).waitFor();
	const place = page.getByRole("region", { name: "shop", exact: true });
	for (const target of ["eu-1", "us-1", "us-2"])
		await place
			.getByRole("row", { name: new RegExp(`^${target} `) })
			.getByText("Live")
			.waitFor();
	await page
		.getByRole("region", { name: "History" })
		.getByRole("row", { name: /eu-1.*1\.0.*shop#1/ })
		.waitFor();

	/* ann is a developer. */
	await page.getByRole("button", { name: /Stop the line/ }).click();
	await page.getByText("Not by you: this takes the role operator; ann is a developer").waitFor();
	await page.keyboard.press("Escape");

	await place.getByRole("button", { name: "Deploy a version of shop" }).click();
	await page.getByRole("dialog").getByRole("combobox", { name: "Version" }).fill("1.0");
	await page.getByRole("dialog").getByRole("button", { name: "Deploy", exact: true }).click();
	await page.getByRole("heading", { level: 1, name: "shop#2" }).waitFor();
	await page.goto(`${base}/board`);
	await shop.getByText('waits for approval of stage "prod"').waitFor();
	await flows.seeNoBarrier(page);
	await ask("POST", "/runs/shop%232/cancel", { reason: "seen" });
	await shop.getByText("waits for").waitFor({ state: "detached" });
});
