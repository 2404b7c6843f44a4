"""What the tests have run of the C code, by gcov's counters: a table by directory, and one of the modules that must stay covered."""

import collections
import json
import pathlib
import re
import subprocess

# module, the files of it, percent of lines that must have run
MODULES = [
    ("engine", r"server/engine/", 90),
    ("language", r"common/lang/|common/expr|common/yaml", 90),
    ("store", r"server/store/", 90),
]


def clear_counters(build):
    """Makes the file of each unit's counters anew, for every account: a program that has become another one counts too."""
    for old in build.rglob("*.gcda"):
        old.unlink()
    for unit in build.rglob("*.gcno"):
        counters = unit.with_suffix(".gcda")
        counters.touch()
        counters.chmod(0o666)


def measure(root, build):
    """[(file, its lines, the lines that ran)]. A unit that never ran has no counters, and all its lines stand as not run."""
    for counters in build.rglob("*.gcda"):
        if counters.stat().st_size == 0:
            counters.unlink()
    summary = build / "coverage.json"
    subprocess.run(["gcovr", "--root", root, "--object-directory", build, "--exclude", "tests/", "--exclude", "bench/", "--exclude",
                    "build-coverage/", "--gcov-ignore-parse-errors", "--json-summary", summary, "--html-details",
                    build / "coverage.html"], check=True)
    return [(file["filename"], file["line_total"], file["line_covered"]) for file in json.loads(summary.read_text())["files"]]


def is_below(total, ran, mark):
    """A module that has no lines at all was not measured, and reaches no mark."""
    return 100 * ran < mark * total or (mark > 0 and total == 0)


def print_table(head, rows):
    """rows: [(name, lines, lines run, percent to reach)]."""
    print(f"{head:<28}{'lines':>8}{'run':>8}{'covered':>10}")
    for name, total, ran, mark in rows:
        print(f"{name:<28}{total:>8}{ran:>8}{100 * ran / max(total, 1):>9.1f}%"
              f"{f'  below {mark} %' if is_below(total, ran, mark) else ''}")


def grouped(files, name_of):
    """{name: (lines, lines run)} of the groups that name_of(file) tells; None is left out."""
    sums = collections.defaultdict(lambda: [0, 0])
    for file, total, ran in files:
        if name := name_of(file):
            sums[name][0] += total
            sums[name][1] += ran
    return {name: tuple(found) for name, found in sorted(sums.items())}


def module_rows(files):
    sums = grouped(files, lambda file: next((name for name, pattern, _ in MODULES if re.match(pattern, file)), None))
    return [(name, *sums.get(name, (0, 0)), mark) for name, _, mark in MODULES]


def coverage_report(root, build):
    """Prints the tables. Each module is a test: (passed, failed)."""
    files = measure(root, build)
    print_table("directory", [(name, *found, 0) for name, found in grouped(files, lambda file: str(pathlib.Path(file).parent)).items()])
    print()
    rows = module_rows(files)
    print_table("module", rows)
    print(f"Line by line: {build / 'coverage.html'}")
    return judge(rows)


def judge(rows):
    below = sum(is_below(*row[1:]) for row in rows)
    return len(rows) - below, below
