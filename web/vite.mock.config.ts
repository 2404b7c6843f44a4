/* `npm run dev:mock`: the mock API answers inside Vite's own server, so one command shows every page without a backend. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { exampleRuns } from "./tests/mock-data.ts";
import { withDeliveries } from "./tests/mock-deliveries.ts";
import { MockServer } from "./tests/mock-server.ts";

function mockApi(): Plugin {
	return {
		name: "penstock-mock-api",
		configureServer(server) {
			const mock = new MockServer(withDeliveries(exampleRuns(Date.now()), Date.now()));
			mock.play();
			server.middlewares.use((request, response, next) => {
				if (!mock.handleApi(request, response)) next();
			});
		},
	};
}

export default defineConfig({ plugins: [svelte(), mockApi()] });
