/*
 * Where the browser is. Ordinary links work: a click on a link to one of these pages changes the address without loading
 * the page again, with every modifier key left to the browser.
 */
import { matchRoute } from "./routes";

class Router {
	path = $state(location.pathname);
	search = $state(location.search);
	hash = $state(location.hash);
	route = $derived(matchRoute(this.path));

	constructor() {
		window.addEventListener("popstate", () => this.#read());
		document.addEventListener("click", (event) => this.#onClick(event));
	}

	go(href: string, options: { replace?: boolean } = {}): void {
		if (options.replace) history.replaceState(null, "", href);
		else history.pushState(null, "", href);
		this.#read();
	}

	#read(): void {
		this.path = location.pathname;
		this.search = location.search;
		this.hash = location.hash;
	}

	#onClick(event: MouseEvent): void {
		if (
			event.defaultPrevented ||
			event.button !== 0 ||
			event.ctrlKey ||
			event.metaKey ||
			event.shiftKey ||
			event.altKey
		)
			return;
		const link = (event.target as Element | null)?.closest?.("a");
		if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
		if (matchRoute(link.pathname).page === "missing") return;
		event.preventDefault();
		this.go(link.pathname + link.search + link.hash, { replace: link.href === location.href });
	}
}

export const router = new Router();
