/*
 * What people do with the pages, written once: the mock test and the test against a real server drive the same flows. Each
 * flow waits for what a person would see, and throws when it does not come.
 */
import AxeBuilder from "@axe-core/playwright";
import { expect } from "vitest";
import type { Locator, Page } from "playwright-core";
import { runHref } from "../../src/lib/routes";

/** From the list to the page of a run, by its name ("web#42"). */
export async function openRunFromList(page: Page, base: string, run: string): Promise<void> {
	await page.goto(`${base}/`);
	await page.getByRole("link", { name: run, exact: true }).click();
	await page.getByRole("heading", { level: 1, name: run }).waitFor();
}

export async function openRun(page: Page, base: string, run: string): Promise<void> {
	await page.goto(base + runHref(run));
	await page.getByRole("heading", { level: 1, name: run }).waitFor();
}

/** Waits until the run shows a state, by its word ("Succeeded"), on its page and in the tab. */
export async function seeRunState(page: Page, word: string): Promise<void> {
	await page.locator("header .meta .badge", { hasText: new RegExp(`^\\s*${word}\\s*$`) }).waitFor();
	await expect.poll(() => page.title()).toMatch(new RegExp(`^${word}: `));
}

/** Waits until the tab's icon is this one ("busy"). */
export async function seeIcon(page: Page, name: string): Promise<void> {
	await expect.poll(() => page.locator("#favicon").getAttribute("href")).toBe(`/icon-${name}.svg`);
}

export async function openJob(page: Page, job: string): Promise<void> {
	await page
		.getByRole("list", { name: "Stages" })
		.getByRole("link", { name: new RegExp(`\\b${job}\\b`) })
		.first()
		.click();
	await page.getByRole("region", { name: `Log of ${job}` }).waitFor();
}

/** Waits until the visible part of the log holds a text. */
export async function seeInLog(page: Page, text: string): Promise<void> {
	await page.locator(".view .line", { hasText: text }).first().waitFor();
}

/** What of a log is in view: the numbers drawn, and whether its lines cover the view without a gap. */
export async function lookAtLog(page: Page): Promise<LogLook> {
	return page.evaluate(() => {
		const view = document.querySelector(".view") as HTMLElement;
		const box = view.getBoundingClientRect();
		const lines = [...view.querySelectorAll<HTMLElement>(".lines .line")].map((line) => ({
			at: line.getBoundingClientRect(),
			number: Number(line.dataset["line"]),
			text: line.querySelector(".text")?.textContent ?? "",
		}));
		const seen = lines.filter(({ at }) => at.bottom > box.top && at.top < box.bottom);
		const covered = seen.reduce((sum, { at }) => sum + Math.min(at.bottom, box.bottom) - Math.max(at.top, box.top), 0);
		const inOrder = seen.every(({ number }, i) => i === 0 || number === (seen[i - 1]?.number ?? 0) + 1);
		return {
			first: seen[0]?.number ?? 0,
			last: seen.at(-1)?.number ?? 0,
			missing: seen.filter(({ text }) => text === "…").length,
			gap: box.height - covered,
			inOrder,
			drawn: lines.length,
		};
	});
}

export interface LogLook {
	first: number;
	last: number;
	missing: number; /* lines whose text has not come yet */
	gap: number; /* pixels of the view that no line covers; the padding above the first line is 20 */
	inOrder: boolean;
	drawn: number;
}

/** Searches, and waits for the first match to be in view, or for being told that there is none. */
export async function searchLog(page: Page, text: string, found: "found" | "none" = "found"): Promise<void> {
	await page.getByLabel("Search the log").fill(text);
	if (found === "found") await page.locator(".view .line.hit mark").first().waitFor();
	else await page.getByText("no match").waitFor();
}

export async function approve(page: Page, comment: string): Promise<void> {
	await page.getByLabel("Comment").fill(comment);
	await page.getByRole("button", { name: "Approve" }).click();
	await page.getByText(comment).waitFor();
}

export async function refuse(page: Page, comment: string): Promise<void> {
	await page.getByLabel("Comment").fill(comment);
	await page.getByRole("button", { name: "Refuse…" }).click();
	await page.getByRole("button", { name: "Refuse and end the run" }).click();
	await page.locator("q", { hasText: comment }).waitFor();
}

export async function cancel(page: Page, reason: string): Promise<void> {
	await page.getByRole("button", { name: "Cancel", exact: true }).click();
	await page.getByLabel("Reason").fill(reason);
	await page.getByRole("button", { name: "Cancel the run" }).click();
}

/** Opens the form that starts a run, at a pipeline; returns the dialog. */
export async function openStartForm(page: Page, repository: string, pipeline: string): Promise<Locator> {
	await page.getByRole("button", { name: "Start a run" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Repository").selectOption(repository);
	await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption({ value: pipeline });
	return dialog;
}

export async function sendStartForm(dialog: Locator): Promise<void> {
	await dialog.getByRole("button", { name: "Start", exact: true }).click();
	await dialog.waitFor({ state: "detached" });
}

/** No violation of WCAG 2.2 A and AA, nor of axe's own advice. */
export async function seeNoBarrier(page: Page): Promise<void> {
	/* The other mode opens a page more for each look, to join what frames found; these pages have no frames. */
	const { violations } = await new AxeBuilder({ page })
		.setLegacyMode()
		.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
		.analyze();
	/* Line numbers are 20 pixels high: a log is read densely, and steps and search lead to its lines too. */
	for (const violation of violations)
		if (violation.id === "target-size")
			violation.nodes = violation.nodes.filter((node) => !/^<a class="number\b/.test(node.html));
	expect(
		violations
			.filter(({ nodes }) => nodes.length > 0)
			.map(
				({ id, nodes }) =>
					`${id}: ${nodes
						.map((node) => node.html)
						.slice(0, 3)
						.join(" ")}`,
			),
	).toEqual([]);
}

/** In the dark, and in the light on a phone, where nothing may be wider than the screen: each colour and each width once. */
export async function seeNoBarrierInAnyLook(
	page: Page,
	seen: (look: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
	const wide = page.viewportSize() ?? { width: 1280, height: 900 };
	const looks = [
		{ name: "dark", colorScheme: "dark" as const, viewport: wide },
		{ name: "phone", colorScheme: "light" as const, viewport: { width: 390, height: 844 } },
	];
	for (const look of looks) {
		await page.emulateMedia({ colorScheme: look.colorScheme });
		await page.setViewportSize(look.viewport);
		await seeNoBarrier(page);
		expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), page.url()).toBe(true);
		await seen(look.name);
	}
	await page.setViewportSize(wide);
}
