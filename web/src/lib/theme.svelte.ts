/* Light, dark, or what the system says; remembered in this browser. */
export type Theme = "system" | "light" | "dark";

const KEY = "penstock.theme";
const ORDER: Theme[] = ["system", "light", "dark"];

function stored(): Theme {
	try {
		const value = localStorage.getItem(KEY);
		return value === "light" || value === "dark" ? value : "system";
	} catch {
		return "system"; /* storage may be forbidden */
	}
}

class ThemeChoice {
	value = $state<Theme>(stored());

	constructor() {
		this.#apply();
	}

	next(): void {
		this.value = ORDER[(ORDER.indexOf(this.value) + 1) % ORDER.length] as Theme;
		this.#apply();
		try {
			localStorage.setItem(KEY, this.value);
		} catch {
			/* then it lasts as long as this page */
		}
	}

	#apply(): void {
		if (this.value === "system") delete document.documentElement.dataset["theme"];
		else document.documentElement.dataset["theme"] = this.value;
	}
}

export const theme = new ThemeChoice();
