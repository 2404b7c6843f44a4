/* The contract's types under the names that the pages use. */
import type { components } from "./api-types";

type Schemas = components["schemas"];

export type Artifact = Schemas["Artifact"];
export type ErrorBody = Schemas["Error"];
export type FileError = Schemas["FileError"];
export type Finding = Schemas["Finding"];
export type Findings = Schemas["Findings"];
export type Gate = Schemas["Gate"];
export type GateState = Schemas["GateState"];
export type Job = Schemas["Job"];
export type JobState = Schemas["JobState"];
export type Me = Schemas["Me"];
export type Pipeline = Schemas["Pipeline"];
export type PipelineInput = Schemas["PipelineInput"];
export type PipelineList = Schemas["PipelineList"];
export type Repository = Schemas["Repository"];
export type Run = Schemas["Run"];
export type RunState = Schemas["RunState"];
export type RunSummary = Schemas["RunSummary"];
export type RunUpdate = Schemas["RunUpdate"];
export type Stage = Schemas["Stage"];
export type StageDelivery = Schemas["StageDelivery"];
export type StageState = Schemas["StageState"];
export type Step = Schemas["Step"];
export type TestReport = Schemas["TestReport"];
export type Trigger = Schemas["Trigger"];
export type Wave = Schemas["Wave"];
export type WaveDeployment = Schemas["WaveDeployment"];
export type Worker = Schemas["Worker"];
