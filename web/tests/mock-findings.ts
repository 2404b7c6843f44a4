/* What policies and reports found in the failed run of mock-data.ts. */
import type { Findings } from "../src/lib/model";

/** One that counts, one that was let pass, and a report with a failure. */
export function exampleFindings(commit: string): Findings {
	const common = { job_id: 21, job: "test/unit", attempt: 1, tool: "penstock", report: "", column: 0, commit };
	return {
		findings: [
			{
				...common,
				id: 1,
				rule: "no-secrets",
				level: "error",
				path: "src/config.py",
				line: 3,
				message: 'a GitHub token ("ghp_…", 40 characters)',
				help: "revoke it where it was made, and take it out of the commit",
				fingerprint: "9f86d081884c7d65",
				allowed: "",
			},
			{
				...common,
				id: 2,
				rule: "no-secrets",
				level: "error",
				path: "tests/data.txt",
				line: 1,
				message: "a private key",
				help: "",
				fingerprint: "2c26b46b68ffc68f",
				allowed: "made up for the tests",
			},
		],
		tests: [
			{
				...{ id: 1, job_id: 21, job: "test/unit", attempt: 1, report: "reports/junit.xml" },
				...{ tests: 12, failures: 1, errors: 0, skipped: 2, duration_ms: 4_200 },
				faults: [{ name: "cart.total rounds up", kind: "failure", message: "expected 10, was 9" }],
			},
		],
	};
}
