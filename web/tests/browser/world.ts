/*
 * The world around a real server: tests/e2e/test_browser has made it and changes it on request. Nothing here waits for what
 * the pages show: that is for the flows.
 */
function needed(name: string): string {
	const value = process.env[name];
	if (value === undefined || value === "")
		throw new Error(`${name} is not set: these flows are run by tests/e2e/test_browser`);
	return value;
}

export const base = needed("PENSTOCK_URL").replace(/\/$/, "");
export const password = needed("PENSTOCK_PASSWORD");

async function change(doWhat: string, details: Record<string, unknown>): Promise<void> {
	const response = await fetch(needed("PENSTOCK_WORLD"), {
		method: "POST",
		headers: { Authorization: needed("PENSTOCK_WORLD_WORD") },
		body: JSON.stringify({ do_what: doWhat, ...details }),
	});
	if (!response.ok) throw new Error(`${doWhat}: ${await response.text()}`);
}

export type Files = Record<string, string>;

/** A watched repository whose first commit holds these files; nothing is pushed yet. */
export const makeRepository = (name: string, files: Files): Promise<void> => change("repository", { name, files });
export const push = (name: string, files: Files, message: string): Promise<void> =>
	change("push", { name, files, message });
export const killServer = (): Promise<void> => change("server", { do: "kill" });
/** Until it is ready again. */
export const waitForServer = (): Promise<void> => change("server", { do: "wait" });

/** As the administrator, without a browser. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
	const response = await fetch(`${base}/api/v1${path}`, {
		method,
		headers: { Authorization: `Bearer ${needed("PENSTOCK_TOKEN")}`, "Content-Type": "application/json" },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Starts a run by hand; its name. */
export async function start(repository: string, pipeline: string): Promise<string> {
	return (await ask<{ name: string }>("POST", "/runs", { repository, pipeline })).name;
}
