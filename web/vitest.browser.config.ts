import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		include: ["tests/browser/**/*.test.ts"],
		environment: "node",
		fileParallelism: false,
		/* Generous: a machine with much else to do is no fault, and only a test that fails waits so long. */
		testTimeout: 400_000,
		hookTimeout: 120_000,
		expect: { poll: { timeout: 120_000 } },
	},
});
