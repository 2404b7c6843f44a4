/* What the jobs of the mock server have printed: a test that failed, and a log that is long. */

export const UNIT_LOG = [
	"\x1b[1m$ ./ci/test\x1b[0m",
	"collecting tests",
	...Array.from(
		{ length: 180 },
		(_, i) => `\x1b[32mok\x1b[0m   ${i + 1} price list, case ${i + 1} \x1b[2m(${(i * 7) % 40} ms)\x1b[0m`,
	),
	"\x1b[31mFAIL\x1b[0m 181 price list, rounding of half a cent",
	"  at src/prices.ts:88:14",
	"  \x1b[31merror:\x1b[0m expected \x1b[32m10.13\x1b[0m, got \x1b[31m10.12\x1b[0m",
	"  a long line that does not fit: " + "the quick brown fox jumps over the lazy dog ".repeat(9),
	"181 passed, \x1b[31m1 failed\x1b[0m",
];

export const BIG_LOG_LINES = 100_000;

export function bigLog(): string[] {
	return Array.from({ length: BIG_LOG_LINES }, (_, i) => {
		const n = i + 1;
		return n === 73_211
			? `\x1b[31merror\x1b[0m: record ${n} has a needle in it`
			: `${String(n).padStart(6, "0")} \x1b[36mimport\x1b[0m record ${n} of ${BIG_LOG_LINES}`;
	});
}
