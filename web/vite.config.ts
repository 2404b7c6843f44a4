import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { staticAssets } from "./tools/assets.ts";

const FIRST_PAGE_BUDGET = 100 * 1024;

const backend = process.env["PENSTOCK_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
	plugins: [svelte(), staticAssets(FIRST_PAGE_BUDGET)],
	build: {
		outDir: fileURLToPath(new URL("../build/web", import.meta.url)),
		emptyOutDir: true,
		/* The Content-Security-Policy allows no data: URLs and no inline script. */
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
	},
	server: { proxy: { "/api": backend, "/hooks": backend } },
});
