/* Chromium for the tests: Debian's, headless, with a profile of its own, and silent towards the network. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";

const FLAGS = [
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync",
];

export interface Browser {
	context: BrowserContext;
	/** Opens a page whose every script error and refused request of policy is kept in `faults`. */
	open(url: string): Promise<Page>;
	faults: string[];
	close(): Promise<void>;
}

export async function launch(options: BrowserContextOptions = {}): Promise<Browser> {
	const profile = await mkdtemp(join(tmpdir(), "penstock-browser-"));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: process.env["PENSTOCK_CHROMIUM"] ?? "/usr/bin/chromium",
		headless: true, args: FLAGS, viewport: { width: 1280, height: 900 }, timezoneId: "UTC", locale: "en-GB", ...options,
	});
	context.setDefaultTimeout(15_000);
	const faults: string[] = [];
	return {
		context, faults,
		async open(url) {
			const page = await context.newPage();
			page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
			page.on("console", (message) => {
				/* A refused request is logged by the browser itself; the pages show those on purpose. */
				if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
					faults.push(message.text());
			});
			await page.goto(url);
			return page;
		},
		async close() {
			await context.close();
			await rm(profile, { recursive: true, force: true });
		},
	};
}

export async function signIn(page: Page, name: string, password: string): Promise<void> {
	await page.getByLabel("Name").fill(name);
	await page.getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.getByRole("button", { name: "Sign out" }).waitFor();
}
