import { expect, test } from "vitest";
import { environmentHref, lineOfHash, matchRoute, runHref } from "../../src/lib/routes";

test.each([
	["/", { page: "runs" }],
	["/runs", { page: "runs" }],
	["/runs/", { page: "runs" }],
	["/runs/web/42", { page: "run", run: "web#42", job: null }],
	["/runs/web/42/jobs/7", { page: "run", run: "web#42", job: 7 }],
	["/runs/group/web/42", { page: "run", run: "group/web#42", job: null }] /* a name with a slash */,
	["/runs/a%20b/1", { page: "run", run: "a b#1", job: null }],
	["/runs/a%ZZ/1", { page: "run", run: "a%ZZ#1", job: null }] /* a bad escape is no crash */,
	["/runs/web", { page: "missing" }],
	["/runs/web/x", { page: "missing" }],
	["/runs/web/42/jobs", { page: "missing" }],
	["/board", { page: "board" }],
	["/environments/prod", { page: "environment", environment: "prod" }],
	["/environments/sandbox/ann/", { page: "environment", environment: "sandbox/ann" }],
	["/environments", { page: "missing" }],
	["/workers", { page: "workers" }],
	["/triggers", { page: "triggers" }],
	["/configuration", { page: "configuration" }],
	["/nowhere", { page: "missing" }],
])("%s", (path, route) => expect(matchRoute(path)).toEqual(route));

test.each([
	["web#42", undefined, "/runs/web/42"],
	["group/web#42", 7, "/runs/group/web/42/jobs/7"],
	["a b#1", undefined, "/runs/a%20b/1"],
])("%s has a page that leads back to it", (run, job, href) => {
	expect(runHref(run, job)).toBe(href);
	expect(matchRoute(href)).toEqual({ page: "run", run, job: job ?? null });
});

test("an environment has a page that leads back to it, and a place in it for each service", () => {
	expect(environmentHref("sandbox/a b", "web")).toBe("/environments/sandbox/a%20b#web");
	expect(matchRoute(environmentHref("sandbox/a b"))).toEqual({ page: "environment", environment: "sandbox/a b" });
});

test.each([
	["#L17", 17],
	["", 0],
	["#L", 0],
	["#L1x", 0],
	["#l1", 0],
])("%j is line %i", (hash, line) => {
	expect(lineOfHash(hash)).toBe(line);
});
