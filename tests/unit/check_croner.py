#!/usr/bin/env python3
"""Compares due times of cron lines with those of npm's croner: some thousand lines, zones and instants, most of them around
days on which clocks are set. The last line is Check's summary, a check for each zone.

Node brings time zones of its own, and governments change their minds: due times are compared up to the first where Node's data and
this machine's are not of one mind.
"""

import datetime
import os
import pathlib
import random
import subprocess
import sys
import zoneinfo

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILD", ROOT / "build-asan")).resolve()
SEED, LINES_PER_INSTANT, DUE_TIMES = 20261121, 80, 12

# Instants near to which something happens: clocks are set, a leap day, the end of a year.
INSTANTS = {
    "UTC": ["2024-02-28", "2023-02-28", "2024-12-31", "2096-02-29"],
    "Europe/Berlin": ["2024-03-31", "2024-10-27", "2025-03-30", "2025-10-26", "2024-02-29",
                      "2061-03-27"],  # by the rule at the end of its file
    "America/New_York": ["2024-03-10", "2024-11-03", "2025-03-09", "2025-11-02"],
    "Australia/Lord_Howe": ["2024-04-07", "2024-10-06", "2025-04-06", "2025-10-05"],  # by half an hour
    "Africa/Casablanca": ["2023-03-19", "2023-04-23", "2024-03-10", "2024-04-14", "2025-02-23", "2025-04-06"],  # Ramadan
    "America/St_Johns": ["2009-03-08", "2009-11-01", "2025-03-09", "2025-11-02"],  # in 2009 a minute after midnight
    "America/Sao_Paulo": ["2017-10-15", "2018-02-18", "2018-11-04", "2019-02-17"],  # at midnight: days without 00:00
    "Asia/Kathmandu": ["2024-02-28", "2024-06-15"],  # 5:45 from UTC
    "Antarctica/Troll": ["2024-03-31", "2024-10-27"],  # by two hours
    "Pacific/Apia": ["2011-12-29", "2011-12-30", "2012-04-01"],  # 2011-12-30 was left out
    "Pacific/Chatham": ["2024-04-07", "2024-09-29"],
}


def field(random, low, high, names=()):
    """One field of a cron line, as people write them."""
    def point():
        return random.choice(names) if names and random.random() < 0.3 else str(random.randint(low, high))

    def span():
        first, last = sorted((random.randint(low, high), random.randint(low, high)))
        return f"{first}-{last}"

    kind = random.random()
    if kind < 0.3:
        return "*"
    if kind < 0.42:
        return f"*/{random.choice([step for step in (2, 3, 5, 7, 10, 15, 20) if step <= high])}"
    if kind < 0.72:
        return point()
    if kind < 0.82:
        return span()
    if kind < 0.88:
        return f"{span()}/{random.randint(2, 4)}"
    return ",".join(point() for _ in range(random.randint(2, 4)))


def line(random):
    """Small hours are when clocks are set; a time of the day is what people ask for."""
    minute = random.choice((field(random, 0, 59), str(random.choice((0, 1, 15, 30, 45, 59)))))
    hour = random.choice((field(random, 0, 23), str(random.randint(0, 4)), "1-3", "*", "2,3", "0,12"))
    day = random.choice(("*", "*", field(random, 1, 28), "29", "31", "*/2"))
    month = random.choice(("*", "*", "*", field(random, 1, 12, ("jan", "MAR", "oct"))))
    weekday = random.choice(("*", "*", field(random, 0, 6, ("mon", "SUN", "fri")), "1-5", "7", "0"))
    if month not in ("*", "1-12") and day in ("29", "31"):
        month = "*"  # croner looks for days that do not exist until the year 9999
    return f"{minute} {hour} {day} {month} {weekday}"


def questions(zone):
    numbers = random.Random(f"{SEED} {zone}")
    for instant in INSTANTS[zone]:
        begin = datetime.datetime.fromisoformat(instant).replace(tzinfo=datetime.timezone.utc).timestamp()
        for _ in range(LINES_PER_INSTANT):
            after = int(begin) + numbers.randint(-36 * 3600, 36 * 3600)
            yield f"{line(numbers)}|{zone}|{after - after % numbers.choice((1, 60))}|{DUE_TIMES}"


def node_environment():
    folder = subprocess.run([ROOT / "scripts/node"], check=True, capture_output=True, text=True).stdout.strip()
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def install(environment):
    """The package, below the build directory, once."""
    target = BUILD / "croner"
    target.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "due.mjs"):
        (target / name).write_bytes((ROOT / "tests/unit/croner" / name).read_bytes())
    if not (target / "node_modules/croner/package.json").exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit"], cwd=target, env=environment, check=True,
                       capture_output=True)
    return target / "due.mjs"


def strange_from(zone, offsets):
    """The first of these moments at which this machine has another offset from UTC than Node."""
    strange = [moment for moment, offset in (map(int, one.split("=")) for one in offsets.split())
               if datetime.datetime.fromtimestamp(moment, zone).utcoffset() != datetime.timedelta(seconds=offset)]
    return min(strange, default=float("inf"))


def ask(command, lines, environment):
    answer = subprocess.run(command, input="\n".join(lines) + "\n", env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return answer.stdout.splitlines()


def main():
    environment, failed = node_environment(), 0
    theirs_is = install(environment)
    for zone in INSTANTS:
        lines = list(questions(zone))
        ours = ask([BUILD / "tests/cron-due"], lines, environment)
        theirs = ask(["node", theirs_is], [f"{line}|{our}" for line, our in zip(lines, ours)], environment)
        assert len(ours) == len(theirs) == len(lines)
        wrong, compared = [], 0
        for question, our, their in zip(lines, ours, theirs):
            their, _, offsets = their.partition("|")
            end = strange_from(zoneinfo.ZoneInfo(zone), offsets)
            told, expected = ([int(seconds) for seconds in text.split() if int(seconds) < end] for text in (our, their))
            compared += len(expected)
            if told != expected:
                wrong.append((question, our, their))
        for question, our, their in wrong[:5]:
            print(f"{question}\n  ours  {our}\n  theirs {their}")
        print(f"{zone}: {len(lines)} lines, {compared} due times, {len(wrong)} differ")
        failed += bool(wrong) or compared < len(lines) * DUE_TIMES // 2
    print(f"{100 * (len(INSTANTS) - failed) // len(INSTANTS)}%: Checks: {len(INSTANTS)}, Failures: {failed}, Errors: 0")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
