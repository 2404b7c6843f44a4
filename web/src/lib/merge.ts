/* Two people's changes of one text, put together line by line where they do not touch each other. Pure. */

interface Hunk {
	from: number /* lines of the base that it replaces, */;
	to: number /* up to before this one */;
	lines: string[];
}

/* Cells of the table below: what takes more is no small change, and is for people. */
const CELLS_MAX = 4_000_000;

/** How `other` comes from `base`; null when they differ too much to tell in time. */
function hunksOf(base: string[], other: string[]): Hunk[] | null {
	let head = 0;
	while (head < base.length && head < other.length && base[head] === other[head]) head++;
	let tail = 0;
	while (
		tail < base.length - head &&
		tail < other.length - head &&
		base[base.length - 1 - tail] === other[other.length - 1 - tail]
	)
		tail++;
	const rows = base.length - head - tail;
	const columns = other.length - head - tail;
	if ((rows + 1) * (columns + 1) > CELLS_MAX) return null;

	/* The longest common subsequence of what is behind each pair of lines. */
	const common = new Uint32Array((rows + 1) * (columns + 1));
	const at = (row: number, column: number): number => common[row * (columns + 1) + column] as number;
	for (let row = rows - 1; row >= 0; row--)
		for (let column = columns - 1; column >= 0; column--)
			common[row * (columns + 1) + column] =
				base[head + row] === other[head + column]
					? at(row + 1, column + 1) + 1
					: Math.max(at(row + 1, column), at(row, column + 1));

	const hunks: Hunk[] = [];
	let [row, column] = [0, 0];
	while (row < rows || column < columns) {
		if (row < rows && column < columns && base[head + row] === other[head + column]) {
			row++;
			column++;
			continue;
		}
		const hunk: Hunk = { from: head + row, to: head + row, lines: [] };
		while (
			(row < rows || column < columns) &&
			!(row < rows && column < columns && base[head + row] === other[head + column])
		) {
			if (column === columns || (row < rows && at(row + 1, column) >= at(row, column + 1))) row++;
			else hunk.lines.push(other[head + column++] as string);
		}
		hunk.to = head + row;
		hunks.push(hunk);
	}
	return hunks;
}

const isSame = (a: Hunk, b: Hunk): boolean =>
	a.from === b.from && a.to === b.to && a.lines.join("\n") === b.lines.join("\n");

/** Both changes of `base`; null where they meet in the same or neighbouring lines, for then somebody has to think. */
export function mergeTexts(base: string, mine: string, theirs: string): string | null {
	const lines = base.split("\n");
	const ours = hunksOf(lines, mine.split("\n"));
	const others = hunksOf(lines, theirs.split("\n"));
	if (!ours || !others) return null;
	const made: string[] = [];
	let [at, i, j] = [0, 0, 0];
	while (i < ours.length || j < others.length) {
		const [a, b] = [ours[i], others[j]];
		if (a && b && a.from <= b.to && b.from <= a.to) {
			if (!isSame(a, b)) return null;
			j++; /* both did the same */
			continue;
		}
		const next = (!b || (a && a.to < b.from) ? ours[i++] : others[j++]) as Hunk;
		made.push(...lines.slice(at, next.from), ...next.lines);
		at = next.to;
	}
	return [...made, ...lines.slice(at)].join("\n");
}
