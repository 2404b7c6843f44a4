import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";

test("the types in src/lib/api-types.ts are those of server/api/openapi.yaml (else: npm run types)", async () => {
	const contract = new URL("../../../server/api/openapi.yaml", import.meta.url);
	const current = COMMENT_HEADER + astToString(await openapiTS(contract));
	expect(readFileSync(new URL("../../src/lib/api-types.ts", import.meta.url), "utf8")).toBe(current);
});
