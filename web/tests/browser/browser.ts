/*
 * Chromium for the tests: Debian's, headless, silent towards the network. One process serves a whole file, in a new empty profile;
 * each test gets a context of its own, so that no cookie or setting of one is seen by another.
 */
import {
	chromium,
	type Browser as Chromium,
	type BrowserContext,
	type BrowserContextOptions,
	type Page,
} from "playwright-core";

const FLAGS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

export interface Browser {
	context: BrowserContext;
	/** Opens a page whose every script error and refused request of policy is kept in `faults`. */
	open(url: string): Promise<Page>;
	faults: string[];
	close(): Promise<void>;
}

let running: Promise<Chromium> | null = null;

/** Ends the process; the file that launched contexts calls it once, at its end. */
export async function quit(): Promise<void> {
	await (await running)?.close();
	running = null;
}

export async function launch(options: BrowserContextOptions = {}): Promise<Browser> {
	running ??= chromium.launch({
		executablePath: process.env["PENSTOCK_CHROMIUM"] ?? "/usr/bin/chromium",
		headless: true,
		args: FLAGS,
	});
	const context = await (
		await running
	).newContext({
		viewport: { width: 1280, height: 900 },
		timezoneId: "UTC",
		locale: "en-GB",
		...options,
	});
	context.setDefaultTimeout(15_000);
	const faults: string[] = [];
	return {
		context,
		faults,
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
		},
	};
}

export async function signIn(page: Page, name: string, password: string): Promise<void> {
	await page.getByLabel("Name").fill(name);
	await page.getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.getByRole("button", { name: "Sign out" }).waitFor();
}
