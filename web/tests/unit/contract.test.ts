import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createConfig, lint } from "@redocly/openapi-core";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";

const contract = new URL("../../../server/api/openapi.yaml", import.meta.url);

test("the types in src/lib/api-types.ts are those of server/api/openapi.yaml (else: npm run types)", async () => {
	const current = COMMENT_HEADER + astToString(await openapiTS(contract));
	expect(readFileSync(new URL("../../src/lib/api-types.ts", import.meta.url), "utf8")).toBe(current);
});

test("the contract is sound OpenAPI: redocly's recommended rules find no error", async () => {
	const problems = await lint({
		ref: fileURLToPath(contract),
		config: await createConfig({ extends: ["recommended"] }),
	});
	const errors = problems.filter(({ severity }) => severity === "error");
	expect(errors.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([]);
});
