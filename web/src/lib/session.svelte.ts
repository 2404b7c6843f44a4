/* Who is signed in: undefined while it is asked, null for nobody. */
import { api, ApiError, whenSignedOut } from "./api";
import type { Me } from "./model";

class Session {
	me = $state<Me | null | undefined>(undefined);
	/** Why it could not be asked; empty when it could. */
	problem = $state("");
	/** Somebody was signed in on this page, and the server no longer takes it for granted. */
	hasEnded = $state(false);

	constructor() {
		whenSignedOut(() => {
			if (this.me) this.hasEnded = true;
			this.me = null;
		});
	}

	async load(): Promise<void> {
		this.problem = "";
		try {
			this.me = await api.me();
		} catch (error) {
			if (error instanceof ApiError && error.status === 401) this.me = null;
			else this.problem = error instanceof Error ? error.message : String(error);
		}
	}

	async login(name: string, password: string): Promise<void> {
		this.me = await api.login(name, password);
		this.hasEnded = false;
	}

	async logout(): Promise<void> {
		await api.logout();
		this.me = null;
	}

	/** A viewer may look at everything and change nothing; the server decides, this only spares a refused request. */
	get mayAct(): boolean {
		return !!this.me && this.me.role !== "viewer";
	}

	get mayOperate(): boolean {
		return this.me?.role === "operator" || this.me?.role === "admin";
	}
}

export const session = new Session();
