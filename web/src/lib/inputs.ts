/*
 * The inputs of a pipeline as a form holds them: always text, as the API takes it. What is checked here spares a refused
 * request and is said beside the field; the server checks again and has the last word.
 */
import type { FileError, PipelineInput } from "./model";

export type InputValues = Record<string, string>;

/** What a fresh form shows. What somebody typed already stays where the input is still there. */
export function firstValues(inputs: PipelineInput[], typed: InputValues = {}): InputValues {
	return Object.fromEntries(
		inputs.map((input) => {
			const kept = typed[input.name];
			const isFitting = kept !== undefined && faultOf(input, kept) === "";
			return [input.name, isFitting ? kept : (input.default ?? (input.type === "boolean" ? "false" : ""))];
		}),
	);
}

/** What is sent: an empty field means that nobody gave a value. */
export function givenValues(inputs: PipelineInput[], values: InputValues): InputValues {
	return Object.fromEntries(
		inputs.map((input) => [input.name, (values[input.name] ?? "").trim()]).filter(([, value]) => value !== ""),
	);
}

const UNIT_MS: Record<string, number> = {
	ms: 1,
	s: 1000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
	w: 7 * 86_400_000,
};

/** Milliseconds of "90s" or "1h30m"; null for what is no duration. */
export function parseDuration(text: string): number | null {
	if (!/^(?:\d+(?:ms|[smhdw]))+$/.test(text)) return null;
	let sum = 0;
	for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) sum += Number(count) * (UNIT_MS[unit ?? ""] ?? 0);
	return sum;
}

function outside(value: number, min: number | null, max: number | null): boolean {
	return (min !== null && value < min) || (max !== null && value > max);
}

/** "1 to 10", "1 or more", "at most 10"; empty without bounds. */
export function boundsOf(input: PipelineInput): string {
	if (input.min !== null && input.max !== null) return `${input.min} to ${input.max}`;
	if (input.min !== null) return `${input.min} or more`;
	return input.max === null ? "" : `at most ${input.max}`;
}

/* A pattern of the server's that this browser cannot read is left to the server. */
function matches(pattern: string, value: string): boolean {
	try {
		return new RegExp(`^(?:${pattern})$`, "u").test(value);
	} catch {
		return true;
	}
}

/** Why the server would refuse this value; empty when it would not. */
export function faultOf(input: PipelineInput, value: string): string {
	const text = value.trim();
	if (text === "") return input.is_required && input.default === null ? "This input is required." : "";
	const bounds = boundsOf(input);
	switch (input.type) {
		case "string":
			return input.pattern !== null && !matches(input.pattern, text)
				? `The whole text must match ${input.pattern}`
				: "";
		case "number":
			if (!Number.isFinite(Number(text))) return "This is no number.";
			return outside(
				Number(text),
				input.min === null ? null : Number(input.min),
				input.max === null ? null : Number(input.max),
			)
				? `Give ${bounds}.`
				: "";
		case "duration": {
			const ms = parseDuration(text);
			if (ms === null) return "Write a duration such as 90s, 20m or 1h30m.";
			return outside(ms, parseDuration(input.min ?? ""), parseDuration(input.max ?? "")) ? `Give ${bounds}.` : "";
		}
		case "boolean":
			return text === "true" || text === "false" ? "" : "Give true or false.";
		case "choice":
			return input.options.includes(text) ? "" : `Choose one of ${input.options.join(", ")}.`;
		case "environment":
			return "";
	}
}

/** What the server said about single inputs, by name, and what is left over. */
export function sortFaults(details: FileError[]): { byInput: Record<string, string>; others: FileError[] } {
	const byInput: Record<string, string> = {};
	const others: FileError[] = [];
	for (const detail of details) {
		const found = /^input "([^"]+)":? (.*)$/s.exec(detail.message);
		if (found?.[1] !== undefined) byInput[found[1]] = found[2] ?? "";
		else others.push(detail);
	}
	return { byInput, others };
}
