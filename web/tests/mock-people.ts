/* Who can sign in to the mock server, and how it refuses. */
import type { FileError } from "../src/lib/model";

/* Every password is "secret". */
export const PEOPLE = {
	ann: { name: "ann", display_name: "Ann Keller", role: "operator", groups: ["release"], csrf: "token-of-ann" },
	eve: { name: "eve", display_name: "Eve Moran", role: "admin", groups: ["release"], csrf: "token-of-eve" },
	vic: { name: "vic", display_name: "Vic Stone", role: "viewer", groups: [], csrf: "token-of-vic" },
} as const;
export type Person = (typeof PEOPLE)[keyof typeof PEOPLE];

export class Refusal extends Error {
	constructor(
		readonly status: number,
		readonly kind: string,
		message: string,
		readonly details: FileError[] = [],
	) {
		super(message);
	}
}
