/* The difference between two versions in words. Pure. */
import { shortVersion } from "./delivery";
import type { Changes } from "./model";

function commits(count: number): string {
	return count === 1 ? "1 commit" : `${count} commits`;
}

/** What stands at the beginning: "1.4.1", "commit 9b2f4c1d", or nothing at all. */
function nameOf(point: Changes["from"]): string {
	if (point.version !== "") return shortVersion(point.version);
	return point.commit === "" ? "" : `commit ${point.commit.slice(0, 8)}`;
}

/** "12 commits since 1.4.1, and 2 commits taken back" */
export function countOf(changes: Changes): string {
	const from = nameOf(changes.from);
	const least = changes.is_counted ? "" : "At least ";
	if (from === "") return `${least}${commits(changes.total)}: nothing of it runs there yet`;
	if (changes.total === 0 && changes.reverted === 0) return `The same commit as ${from}`;
	const brought = changes.total === 0 ? `Nothing new since ${from}` : `${least}${commits(changes.total)} since ${from}`;
	return changes.reverted === 0 ? brought : `${brought}, and ${commits(changes.reverted)} taken back`;
}
