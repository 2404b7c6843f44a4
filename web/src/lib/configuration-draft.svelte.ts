/*
 * What somebody has written and not applied yet. It is kept beside the pages, in this tab: another page, a reload and a session
 * that ends do not lose it, and as long as it is there the browser asks before the tab is closed.
 */
export interface Draft {
	person: string;
	version: number /* that it stands on */;
	text: string;
	comment: string;
}

const KEY = "penstock.configuration";

function read(): Draft | null {
	try {
		return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Draft | null;
	} catch {
		return null; /* storage may be forbidden */
	}
}

const ask = (event: BeforeUnloadEvent): void => event.preventDefault();

class ConfigurationDraft {
	kept = $state.raw<Draft | null>(null);

	constructor() {
		this.keep(read());
	}

	keep(draft: Draft | null): void {
		this.kept = draft;
		try {
			if (draft) sessionStorage.setItem(KEY, JSON.stringify(draft));
			else sessionStorage.removeItem(KEY);
		} catch {
			/* then it lasts as long as this page */
		}
		if (draft) window.addEventListener("beforeunload", ask);
		else window.removeEventListener("beforeunload", ask);
	}

	/** Another's is not shown, and stays until this tab is closed or they come back. */
	of(person: string): Draft | null {
		return this.kept?.person === person ? this.kept : null;
	}
}

export const draft = new ConfigurationDraft();
