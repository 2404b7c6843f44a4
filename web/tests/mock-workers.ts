/* Example workers: one that works, one that drains, one that is gone. */
import type { Worker } from "../src/lib/model";

export function exampleWorkers(ago: (seconds: number) => string): Worker[] {
	return [
		{
			id: 1,
			name: "builder-1",
			state: "online",
			version: "0.1.0",
			labels: ["linux", "amd64"],
			slots: 4,
			busy: 1,
			profile: "full",
			last_seen_at: ago(1),
		},
		{
			id: 2,
			name: "builder-2",
			state: "draining",
			version: "0.1.0",
			labels: ["linux", "amd64", "large"],
			slots: 8,
			busy: 0,
			profile: "full",
			last_seen_at: ago(2),
		},
		{
			id: 3,
			name: "laptop",
			state: "offline",
			version: "0.1.0",
			labels: [],
			slots: 2,
			busy: 0,
			profile: "user",
			last_seen_at: ago(90_000),
		},
	];
}
