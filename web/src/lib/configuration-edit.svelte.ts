/*
 * One person's text beside the document in force: what it stands on, what the server says of it, and what becomes of it when
 * somebody else is faster. The server decides; nothing here is sent that the person has not seen compared.
 */
import { api, ApiError } from "./api";
import { draft } from "./configuration-draft.svelte";
import { mergeTexts } from "./merge";
import type { ConfigurationDiff, ConfigurationInForce } from "./model";
import STARTING from "./starting-configuration.yaml?raw";

const TYPING_MS = 400;

interface Base {
	version: number;
	text: string | null /* null: of an older version, which is not here yet */;
}

/** The browser's editor knows one kind of line end. */
function asEdited(text: string): string {
	return text.replace(/\r\n?/g, "\n");
}

/** Where nothing was ever applied somebody begins with an example. */
function beginning(inForce: ConfigurationInForce): string {
	return inForce.version === 0 && inForce.why_not.compare === "" ? STARTING : inForce.text;
}

export class ConfigurationEdit {
	inForce = $state.raw<ConfigurationInForce | null>(null);
	text = $state("");
	comment = $state("");
	/** The version that came while this page was open, by another hand. */
	news = $state.raw<ConfigurationInForce | null>(null);
	/** The version that this page has applied last. */
	applied = $state(0);
	failure = $state.raw<ApiError | null>(null);
	isBusy = $state(false);
	/** The text was written before this page was opened. */
	isRestored = $state(false);

	#base = $state.raw<Base>({ version: 0, text: null });
	#checked = $state.raw<{ text: string; found: ConfigurationDiff } | null>(null);
	/** The text with what came into force meanwhile; null where it cannot be put together line by line. */
	merged = $derived(
		this.isOvertaken && this.#base.text !== null && this.inForce !== null
			? mergeTexts(this.#base.text, this.text, this.inForce.text)
			: null,
	);
	#own = 0; /* the newest version of which this page knows that it is its own doing */
	#asked = 0;
	#timer = 0;

	readonly #person: string;
	readonly #reload: () => void;

	constructor(person: string, reload: () => void) {
		this.#person = person;
		this.#reload = reload;
	}

	get version(): number {
		return this.#base.version;
	}
	get isChanged(): boolean {
		return this.inForce !== null && this.text !== this.#base.text;
	}
	/** Another version has come into force than the one that the text stands on. */
	get isOvertaken(): boolean {
		return this.inForce !== null && this.inForce.version !== this.#base.version;
	}
	/** Is there anything that could be applied: also an example that nobody has touched. */
	get isApart(): boolean {
		return this.inForce !== null && this.text !== this.inForce.text;
	}
	/** What the server says of the text as it is; null while it was not asked. */
	get found(): ConfigurationDiff | null {
		return this.#checked !== null && this.#checked.text === this.text && this.isApart ? this.#checked.found : null;
	}
	/** What was said last: it stays in sight while somebody types on. */
	get lastFound(): ConfigurationDiff | null {
		return this.isApart ? (this.#checked?.found ?? null) : null;
	}
	get mayApply(): boolean {
		return (
			!this.isBusy &&
			!this.isOvertaken &&
			this.found !== null &&
			this.found.errors.length === 0 &&
			this.found.version === this.#base.version
		);
	}

	/** The document in force, as it was just read. */
	take(next: ConfigurationInForce): void {
		const previous = this.inForce;
		if (previous !== null && next.version < previous.version) return; /* an answer that was long on its way */
		next = { ...next, text: asEdited(next.text) };
		this.inForce = next;
		if (previous === null) return this.#begin(next);
		if (next.version === previous.version) {
			if (this.failure?.status === 0) this.changed(0); /* the server is back */
			return;
		}
		if (next.version > this.#own) this.news = next;
		if (this.#base.version === next.version) return;
		/* Compared with what is in force by now. */
		this.#checked = null;
		if (this.text === this.#base.text || this.text === next.text) this.#standOn(next);
		else this.changed(0);
	}

	#begin(next: ConfigurationInForce): void {
		const kept = draft.of(this.#person);
		if (kept && next.why_not.compare === "" && kept.text !== beginning(next)) {
			this.#base = { version: kept.version, text: kept.version === next.version ? beginning(next) : null };
			[this.text, this.comment, this.isRestored] = [kept.text, kept.comment, true];
			if (this.#base.text === null) void this.#fetchBase(kept.version);
		} else {
			this.#standOn(next);
		}
		this.changed(0);
	}

	async #fetchBase(version: number): Promise<void> {
		try {
			const text = version === 0 ? STARTING : asEdited(await api.configurationText(version));
			if (this.version === version) this.#base = { version, text };
		} catch {
			/* then it is not put together by itself */
		}
	}

	#standOn(document: ConfigurationInForce): void {
		this.text = beginning(document);
		this.#base = { version: document.version, text: this.text };
		this.#keep();
	}

	#keep(): void {
		if (!this.isChanged) {
			if (draft.of(this.#person)) draft.keep(null);
			return;
		}
		draft.keep({ person: this.#person, version: this.version, text: this.text, comment: this.comment });
	}

	/** Text or comment is another: it is kept, and the server is asked once typing pauses. */
	changed(pauseMs = TYPING_MS): void {
		this.#keep();
		clearTimeout(this.#timer);
		if (!this.isApart || this.found !== null || this.inForce?.why_not.compare !== "") return;
		this.#timer = window.setTimeout(() => void this.#check(), pauseMs);
	}

	async #check(): Promise<void> {
		const turn = ++this.#asked;
		const text = this.text;
		try {
			const found = await api.compareConfiguration(text);
			if (turn !== this.#asked) return;
			this.#checked = { text, found };
			this.failure = null;
			if (found.version !== this.inForce?.version) this.#reload();
		} catch (error) {
			if (turn === this.#asked) this.failure = error as ApiError;
		}
	}

	/** Back to what is in force. */
	discard(): void {
		if (this.inForce === null) return;
		this.#standOn(this.inForce);
		[this.comment, this.failure, this.isRestored] = ["", null, false];
	}

	/** What came meanwhile comes into the text, and is no part any more of what it changes. */
	takeIn(): void {
		if (this.merged === null) return;
		this.text = this.merged;
		this.goOn();
	}

	/** The text stays as it is, and what came meanwhile is part of what it is compared with, and of what it takes back. */
	goOn(): void {
		if (this.inForce === null) return;
		this.#base = { version: this.inForce.version, text: this.inForce.text };
		this.news = null;
		this.failure = null;
		this.changed(0);
	}

	async apply(): Promise<void> {
		this.isBusy = true;
		this.failure = null;
		try {
			const text = this.text;
			const { version } = await api.applyConfiguration(text, this.version, this.comment.trim());
			/* Whatever was typed, or applied by somebody else, since then stands on this. */
			this.#base = { version, text };
			this.#checked = null;
			this.comment = "";
			await this.#done(version);
			this.changed(0);
		} catch (error) {
			this.failure = error as ApiError;
			this.#reload();
		}
		this.isBusy = false;
	}

	/** Throws what the server refuses, for the dialog that asked. */
	async revert(to: number, comment: string): Promise<void> {
		const { version } = await api.revertConfiguration(to, this.inForce?.version ?? 0, comment);
		await this.#done(version);
	}

	async #done(version: number): Promise<void> {
		this.#own = version;
		[this.applied, this.news, this.isRestored] = [version, null, false];
		this.take(await api.configuration());
		this.#reload();
	}

	close(): void {
		clearTimeout(this.#timer);
		this.#asked++;
	}
}
