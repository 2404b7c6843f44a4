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
	/** Opens a page. Its script errors and what its policy forbids are kept in `faults`, refused requests in `refusals`. */
	open(url: string): Promise<Page>;
	faults: string[];
	refusals: string[]; /* "404 GET /api/v1/runs/web%239", "net::ERR_... GET /..." */
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
		executablePath: process.env["PENSTOCK_CHROMIUM"] ?? "/usr/bin/chromium-headless-shell",
		headless: true,
		args: FLAGS,
		timeout: 120_000,
	});
	const context = await (
		await running
	).newContext({
		viewport: { width: 1280, height: 900 },
		timezoneId: "UTC",
		locale: "en-GB",
		...options,
	});
	context.setDefaultTimeout(120_000);
	const faults: string[] = [];
	const refusals: string[] = [];
	const pathOf = (url: string): string => new URL(url).pathname;
	return {
		context,
		faults,
		refusals,
		async open(url) {
			const page = await context.newPage();
			if (process.env["FL_SLOW"]) {
				const [rate, latency] = (process.env["FL_SLOW"] ?? "").split(",").map(Number);
				const cdp = await context.newCDPSession(page);
				await cdp.send("Emulation.setCPUThrottlingRate", { rate: rate ?? 1 });
				await cdp.send("Network.enable");
				await cdp.send("Network.emulateNetworkConditions", {
					offline: false,
					latency: latency ?? 0,
					downloadThroughput: -1,
					uploadThroughput: -1,
				});
			}
			page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
			page.on("console", (message) => {
				/* A refused request is logged by the browser itself, without saying which: refusals does. */
				if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
					faults.push(message.text());
			});
			page.on("response", (response) => {
				if (response.status() >= 400)
					refusals.push(`${response.status()} ${response.request().method()} ${pathOf(response.url())}`);
			});
			page.on("requestfailed", (request) => {
				const reason = request.failure()?.errorText ?? "";
				/* A page that is left lets its streams go. */
				if (reason !== "net::ERR_ABORTED") refusals.push(`${reason} ${request.method()} ${pathOf(request.url())}`);
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
