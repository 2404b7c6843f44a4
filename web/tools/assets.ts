/*
 * What the build adds to Vite's own: a .gz beside every text file, so that the server sends ready bytes and never
 * compresses, and a budget for the first page that fails the build when it is passed.
 */
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const COMPRESSIBLE = /\.(js|css|html|svg|txt|json)$/;

export interface FirstPage {
	files: string[];
	bytes: number;
}

/** Everything that opening any page loads: index.html and what it refers to, plus one favicon. */
export function measureFirstPage(dir: string): FirstPage {
	const html = readFileSync(join(dir, "index.html"), "utf8");
	const linked = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1] as string);
	const files = ["index.html", ...linked];
	const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(dir, file)), { level: 9 }).length, 0);
	return { files, bytes };
}

function compressBelow(dir: string): void {
	for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
		if (!COMPRESSIBLE.test(name)) continue;
		const path = join(dir, name);
		const plain = readFileSync(path);
		const packed = gzipSync(plain, { level: 9 });
		if (packed.length < plain.length) writeFileSync(`${path}.gz`, packed);
		else rmSync(`${path}.gz`, { force: true });
	}
}

export function staticAssets(budgetBytes: number): Plugin {
	let dir = "";
	return {
		name: "penstock-static-assets",
		apply: "build",
		configResolved(config) {
			dir = config.build.outDir;
		},
		closeBundle() {
			const first = measureFirstPage(dir);
			if (first.bytes > budgetBytes)
				throw new Error(
					`the first page is ${first.bytes} bytes gzipped, over its budget of ${budgetBytes}: ${first.files.join(", ")}`,
				);
			compressBelow(dir);
			console.log(`first page: ${(first.bytes / 1024).toFixed(1)} KiB gzipped of ${budgetBytes / 1024} KiB`);
		},
	};
}
