// Lines "CRON|ZONE|SECONDS|N|MOMENTS" on standard input. Prints for each a line: the N due times behind that second as croner finds
// them, then "|" and the offsets from UTC that Node's own data have then and at each of the moments, as " MOMENT=OFFSET" in seconds.
import { createInterface } from "node:readline";
import { Cron } from "croner";

const formats = new Map();

function offset(zone, at) {
	if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }));
	const name = formats.get(zone).formatToParts(at).find(({ type }) => type === "timeZoneName").value;
	const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name);
	return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60);
}

for await (const line of createInterface({ input: process.stdin })) {
	const [pattern, timezone, seconds, count, moments] = line.split("|");
	const cron = new Cron(pattern, { timezone, mode: "5-part", paused: true });
	const found = cron.nextRuns(Number(count), new Date(Number(seconds) * 1000)).map((at) => at.getTime() / 1000);
	const looked = [...found, ...moments.split(" ").filter(Boolean).map(Number)];
	console.log(`${found.join(" ")}|${looked.map((at) => `${at}=${offset(timezone, new Date(at * 1000))}`).join(" ")}`);
}
