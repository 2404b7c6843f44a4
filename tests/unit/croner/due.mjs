// Lines "CRON|ZONE|SECONDS|N" on standard input; prints the N due times behind that second, a line each.
import { createInterface } from "node:readline";
import { Cron } from "croner";

for await (const line of createInterface({ input: process.stdin })) {
	const [pattern, timezone, seconds, count] = line.split("|");
	const cron = new Cron(pattern, { timezone, mode: "5-part", paused: true });
	const found = cron.nextRuns(Number(count), new Date(Number(seconds) * 1000));
	console.log(found.map((at) => ` ${at.getTime() / 1000}`).join(""));
}
