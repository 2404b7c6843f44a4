/*
 * The configuration of the mock server. It reads the plain kind of YAML that the examples are written in: one key a line, values as
 * they stand. That is enough to tell what differs, and one misspelt key.
 */
import type {
	ConfigurationDiff,
	ConfigurationDifference,
	ConfigurationInForce,
	ConfigurationVersion,
	FileError,
} from "../src/lib/model";
import { Refusal, type Person } from "./mock-people.ts";

type Stored = ConfigurationVersion & { text: string };
const ROLES = ["viewer", "developer", "operator", "admin"];
const DAY = 24 * 3600 * 1000;

export interface MockConfiguration {
	versions: Stored[]; /* the newest last */
}

function flatten(text: string): Map<string, string> {
	const found = new Map<string, string>();
	const path: { indent: number; name: string }[] = [];
	for (const line of text.split(/\r?\n/)) {
		const [, blanks, name, value] = /^( *)([^\s#:][^:]*):(?:\s+([^#]*?))?\s*(?:#.*)?$/.exec(line) ?? [];
		if (blanks === undefined || name === undefined) continue;
		while (path.length > 0 && (path.at(-1)?.indent ?? 0) >= blanks.length) path.pop();
		path.push({ indent: blanks.length, name });
		if (value) found.set(path.map((one) => one.name).join("."), value.replace(/^"(.*)"$/, "$1"));
	}
	return found;
}

function differences(before: string, after: string): ConfigurationDifference[] {
	const [old, now] = [flatten(before), flatten(after)];
	const paths = new Set([...old.keys(), ...now.keys()]);
	return [...paths]
		.filter((path) => old.get(path) !== now.get(path))
		.map((path) => ({ path, before: old.get(path) ?? null, after: now.get(path) ?? null }));
}

function faults(text: string): FileError[] {
	if (text.trim() === "")
		return [
			{
				file: "configuration",
				line: 0,
				column: 0,
				message: "the document is empty; `environments: {}` takes all away",
			},
		];
	return text.split("\n").flatMap((line, i) => {
		const column = line.search(/\baprovals\b/) + 1;
		if (column > 0)
			return [
				{
					file: "configuration",
					line: i + 1,
					column,
					message: 'unknown key "aprovals" in a gate; did you mean "approvals"?',
				},
			];
		const after = /after: dve/.exec(line);
		return after
			? [
					{
						file: "configuration",
						line: i + 1,
						column: after.index + 8,
						message: 'unknown environment "dve"; did you mean "dev"?',
					},
				]
			: [];
	});
}

function textOf(configuration: MockConfiguration, version: number): string {
	const found = configuration.versions.find((one) => one.version === version);
	if (!found && version > 0) throw new Refusal(404, "not_found", `no version ${version} of the configuration`);
	return found?.text ?? "";
}

function compare(configuration: MockConfiguration, version: number, text: string): ConfigurationDiff {
	const errors = faults(text);
	const changes = errors.length > 0 ? [] : differences(textOf(configuration, version), text);
	const warnings = errors.length === 0 && text.includes("zoe") ? ['there is no account "zoe" yet'] : [];
	return { version, changes, errors, warnings };
}

function inForce(configuration: MockConfiguration, person: Person): ConfigurationInForce {
	const none = { version: 0, applied_at: null, applied_by: "", comment: "", reverted_from: 0, text: "" };
	const may = (role: string) =>
		ROLES.indexOf(person.role) >= ROLES.indexOf(role)
			? ""
			: `this takes the role ${role}; ${person.name} is ${person.role === "operator" ? "an" : "a"} ${person.role}`;
	const why_not = { compare: may("developer"), apply: may("admin"), revert: may("admin") };
	return { ...(configuration.versions.at(-1) ?? none), why_not } as ConfigurationInForce;
}

export function addVersion(
	configuration: MockConfiguration,
	applied_by: string,
	text: string,
	comment: string,
	reverted_from: number,
): number {
	const version = (configuration.versions.at(-1)?.version ?? 0) + 1;
	const applied_at = new Date().toISOString();
	configuration.versions.push({ version, applied_at, applied_by, comment, reverted_from, text });
	return version;
}

interface Server {
	data: { configuration: MockConfiguration };
	configure(by: string, text: string, comment: string, from?: number): number;
}

/** What is below /api/v1/configuration. */
export function answerConfiguration(
	server: Server,
	what: string,
	path: string[],
	url: URL,
	body: Record<string, unknown>,
	person: Person,
): unknown {
	const { configuration } = server.data;
	const now = inForce(configuration, person);
	const [, , , version, verb] = path;
	switch (what) {
		case "GET ":
			return now;
		case "GET versions": {
			if (version === undefined) return { versions: configuration.versions.toReversed(), next: null };
			const text = textOf(configuration, Number(version));
			if (verb === undefined) return { ...configuration.versions[Number(version) - 1], text };
			return compare(configuration, Number(url.searchParams.get("from") ?? Number(version) - 1), text);
		}
		case "POST diff":
			return compare(configuration, now.version, String(body["text"]));
	}
	if (now.why_not.apply !== "") throw new Refusal(403, "denied", now.why_not.apply);
	if (body["version"] !== now.version)
		throw new Refusal(409, "conflict", `the configuration is no longer at version ${String(body["version"])}`);
	const from = what === "POST revert" ? Number(body["to"]) : 0;
	const text = from > 0 ? textOf(configuration, from) : String(body["text"]);
	const errors = faults(text);
	if (errors.length > 0) throw new Refusal(400, "invalid", errors[0]?.message ?? "", errors);
	const change = compare(configuration, now.version, text);
	return { ...change, version: server.configure(person.name, text, String(body["comment"] ?? ""), from) };
}

export const EXAMPLE = `# What there is to deploy to, and what may be done there.
groups:
  developers: [ann, bob]
  release: [eve, ann]

environments:
  dev: # everybody's
    targets:
      local: { url: "http://dev.example.com" }

  staging:
    floor:
      after: dev
    targets:
      eu: { url: "http://staging.example.com" }

  prod:
    tier: production
    variables:
      registry: r.example.com
    windows:
      - { allow: "Mon-Fri 09:00-17:00 Europe/Berlin", reason: somebody must be there }
    floor:
      pipelines: [ci, hotfix]
      after: staging
      gate: { approvals: 2, groups: [release, developers], require: { release: 1 }, author: deny }
      bake: 10m
    targets:
      eu-canary: { region: eu, url: "http://eu.example.com", wave: 1 }
      eu: { region: eu, url: "http://eu.example.com", wave: 2 }
      us: { region: us, url: "http://us.example.com", wave: 2 }

tiers:
  production: { policies: [no-secrets] }
`;

/** Four versions: one that grew, one that was a mistake, and the way back. */
export function exampleConfiguration(at: number): MockConfiguration {
	const small = EXAMPLE.replace(/ {2}staging:[^]*?\n\n/, "").replace("after: staging", "after: dev");
	const texts = [small, EXAMPLE, EXAMPLE.replace("bake: 10m", "bake: 10s"), EXAMPLE];
	const comments = [
		"Begin",
		"A staging environment before production",
		"Do not wait so long",
		"ten seconds is no bake",
	];
	return {
		versions: texts.map((text, i) => ({
			version: i + 1,
			applied_at: new Date(at - (40 - i * 12) * DAY - 3_600_000).toISOString(),
			applied_by: i === 2 ? "bob" : "eve",
			comment: comments[i] as string,
			reverted_from: i === 3 ? 2 : 0,
			text,
		})),
	};
}
