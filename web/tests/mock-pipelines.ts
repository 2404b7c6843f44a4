/* What the mock server can start by hand: an input of each kind, a pipeline for others, a broken one. */
import type { PipelineInput, PipelineList } from "../src/lib/model";

export function makeInput(name: string, given: Partial<PipelineInput> = {}): PipelineInput {
	return {
		name,
		type: "string",
		label: "",
		description: "",
		default: null,
		is_required: false,
		options: [],
		pattern: null,
		min: null,
		max: null,
		tier: null,
		...given,
	};
}

export function examplePipelines(): PipelineList {
	const plain = { may_start: true, why_not: "", inputs: [], errors: [] };
	return {
		ref: "refs/heads/main",
		commit: "3f9c1e7ab0d24f6c8e5a1b7d90c2f4e6a8b1d3c5",
		title: "Show prices with their currency",
		pipelines: [
			{ ...plain, name: "ci", file: ".penstock/ci.yaml" },
			{
				...plain,
				name: "load-test",
				file: ".penstock/load-test.yaml",
				inputs: [
					makeInput("target", {
						type: "choice",
						options: ["staging", "qa"],
						default: "staging",
						label: "Where to",
						description: "Production is never load-tested",
					}),
					makeInput("users", {
						type: "number",
						default: "50",
						min: "1",
						max: "5000",
						description: "Virtual users at once",
					}),
					makeInput("duration", { type: "duration", default: "10m", max: "2h" }),
					makeInput("ticket", {
						is_required: true,
						pattern: "[A-Z]+-\\d+",
						description: "The ticket that asks for it",
					}),
					makeInput("verbose", { type: "boolean", default: "false", label: "Print every request" }),
				],
			},
			{
				...plain,
				name: "hotfix",
				file: ".penstock/hotfix.yaml",
				may_start: false,
				why_not: 'pipeline "hotfix" may be started by hand by members of release only',
			},
			{
				...plain,
				name: "nightly",
				file: ".penstock/nightly.yaml",
				may_start: false,
				why_not: "its file has errors",
				errors: [
					{
						file: ".penstock/nightly.yaml",
						line: 4,
						column: 3,
						message: 'unknown key "stage"; did you mean "stages"?',
					},
				],
			},
		],
		branches: ["main", "prices"],
		tags: ["v1.2.0"],
	};
}
