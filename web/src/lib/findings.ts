/* How findings read: where, how bad, how many. */
import type { Finding, TestReport } from "./model";
import type { Look } from "./states";

export function findingLook(finding: Finding): Look {
	if (finding.allowed !== "") return { word: "Allowed", tone: "past", icon: "check" };
	if (finding.level === "error") return { word: "Error", tone: "bad", icon: "cross" };
	if (finding.level === "warning") return { word: "Warning", tone: "warn", icon: "alert" };
	return { word: "Note", tone: "idle", icon: "dots" };
}

/** "src/a.c:12", as editors take it; a commit where it is about no file. */
export function placeOf(finding: Finding): string {
	if (finding.path === "") return finding.commit === "" ? "" : `commit ${finding.commit.slice(0, 10)}`;
	return finding.line > 0 ? `${finding.path}:${finding.line}` : finding.path;
}

/** "3, and 1 allowed" */
export function countOf(counting: number, allowed: number): string {
	if (allowed === 0) return String(counting);
	return counting === 0 ? `${allowed} allowed` : `${counting}, and ${allowed} allowed`;
}

/** "40 passed, 2 failed, 1 skipped" */
export function testsOf(report: TestReport): string {
	const passed = Math.max(0, report.tests - report.failures - report.errors - report.skipped);
	const parts = [
		[passed, "passed"],
		[report.failures, "failed"],
		[report.errors, "with errors"],
		[report.skipped, "skipped"],
	] as const;
	return parts
		.filter(([count, word]) => count > 0 || word === "passed")
		.map(([count, word]) => `${count} ${word}`)
		.join(", ");
}
