import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { measureFirstPage } from "../../tools/assets";

test("the first page is index.html and all that it names", () => {
	const dir = mkdtempSync(join(tmpdir(), "penstock-assets-"));
	const html = '<link rel="icon" href="/icon.svg"><script type="module" src="/app.js"></script>';
	const files = {
		"index.html": html,
		"app.js": "let x = 1;".repeat(100),
		"icon.svg": "<svg/>",
		"later.js": "y".repeat(1000),
	};
	for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
	const first = measureFirstPage(dir);
	rmSync(dir, { recursive: true });
	const size = (text: string) => gzipSync(text, { level: 9 }).length;
	expect(first.files).toEqual(["index.html", "icon.svg", "app.js"]);
	expect(first.bytes).toBe(size(html) + size(files["icon.svg"]) + size(files["app.js"]));
});
