import { expect, test } from "vitest";
import { countOf, findingLook, placeOf, testsOf } from "../../src/lib/findings";
import type { Finding, TestReport } from "../../src/lib/model";

function finding(values: Partial<Finding>): Finding {
	return {
		...{ id: 1, job_id: 2, job: "a/b", attempt: 1, rule: "no-secrets", tool: "penstock", report: "", level: "error" },
		...{ path: "", line: 0, column: 0, commit: "", message: "m", help: "", fingerprint: "", allowed: "" },
		...values,
	};
}

test.each([
	[{ path: "src/a.c", line: 12 }, "src/a.c:12"],
	[{ path: "a.tar.gz!b" }, "a.tar.gz!b"],
	[{ commit: "0123456789abcdef" }, "commit 0123456789"],
	[{}, ""],
])("%o stands at %s", (values, place) => expect(placeOf(finding(values))).toBe(place));

test("what is allowed is no error", () => {
	expect(findingLook(finding({})).tone).toBe("bad");
	expect(findingLook(finding({ allowed: "because" })).tone).toBe("past");
	expect(findingLook(finding({ level: "warning" })).word).toBe("Warning");
});

test.each([
	[3, 0, "3"],
	[3, 1, "3, and 1 allowed"],
	[0, 2, "2 allowed"],
])("%i and %i are said as %s", (counting, allowed, text) => expect(countOf(counting, allowed)).toBe(text));

test("tests are counted by how they ended", () => {
	const report = { id: 1, job_id: 2, job: "a/b", attempt: 1, report: "r.xml", duration_ms: 0, faults: [] } as const;
	const count = (tests: number, failures: number, errors: number, skipped: number): string =>
		testsOf({ ...report, faults: [], tests, failures, errors, skipped } as TestReport);
	expect(count(5, 0, 0, 0)).toBe("5 passed");
	expect(count(5, 1, 2, 1)).toBe("1 passed, 1 failed, 2 with errors, 1 skipped");
	expect(count(0, 0, 0, 0)).toBe("0 passed");
	expect(count(1, 3, 0, 0)).toBe("0 passed, 3 failed"); // a report that contradicts itself
});
