/* Which page a path means. Repository names may hold slashes, so what follows the name is read from the end. */

export type Route =
	| { page: "runs" }
	| { page: "run"; run: string; job: number | null }
	| { page: "board" }
	| { page: "environment"; environment: string }
	| { page: "workers" }
	| { page: "triggers" }
	| { page: "configuration" }
	| { page: "missing" };

const RUN = /^\/runs\/(.+?)\/(\d+)(?:\/jobs\/(\d+))?$/;

export function matchRoute(path: string): Route {
	const trimmed = path.length > 1 ? path.replace(/\/+$/, "") : path;
	if (trimmed === "/" || trimmed === "/runs") return { page: "runs" };
	if (trimmed === "/workers") return { page: "workers" };
	if (trimmed === "/triggers") return { page: "triggers" };
	if (trimmed === "/configuration") return { page: "configuration" };
	if (trimmed === "/board") return { page: "board" };
	if (trimmed.startsWith("/environments/"))
		return { page: "environment", environment: decodePath(trimmed.slice("/environments/".length)) };
	const match = RUN.exec(trimmed);
	if (match?.[1] === undefined) return { page: "missing" };
	const repository = decodePath(match[1]);
	return { page: "run", run: `${repository}#${match[2]}`, job: match[3] === undefined ? null : Number(match[3]) };
}

function decodePath(path: string): string {
	return path.split("/").map(decode).join("/");
}

function decode(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

/** The page of a run, by its name ("web#42"), or of one of its jobs. */
export function runHref(run: string, job?: number): string {
	const hash = run.lastIndexOf("#");
	const page = `/runs/${encodePath(run.slice(0, hash))}/${run.slice(hash + 1)}`;
	return job === undefined ? page : `${page}/jobs/${job}`;
}

/** The page of an environment, or of one service in it; names such as "sandbox/ann" keep their slash. */
export function environmentHref(environment: string, service = ""): string {
	return `/environments/${encodePath(environment)}${service === "" ? "" : `#${encodeURIComponent(service)}`}`;
}

function encodePath(name: string): string {
	return name.split("/").map(encodeURIComponent).join("/");
}

/** The line that "#L17" names; 0 when it names none. */
export function lineOfHash(hash: string): number {
	const match = /^#L(\d{1,9})$/.exec(hash);
	return match ? Number(match[1]) : 0;
}
