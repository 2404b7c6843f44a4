#!/usr/bin/env python3
"""Holds the JSON Schemas of pipelines/ against the corpora of the pipeline language and of the configuration document: they accept
every good file, and every bad file as its mark says. Marks in the folders bad: `# schema: rejects`, `# schema: accepts: REASON` where a schema cannot see the
mistake, `# schema: unreadable` where no YAML reader gets that far. The last line is Check's summary.
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# schema → its corpus, and further good files
SCHEMAS = {
    "pipelines/schema.json": ("tests/corpus/lang", ["pipelines", "pipelines/demo/.penstock"]),
    "pipelines/configuration.schema.json": ("tests/corpus/configuration", ["pipelines/demo-site"]),
}


class Loader(yaml.SafeLoader):
    """YAML 1.2's core types, as editors read them: `on` and `yes` are texts, and so is a time."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), list(first))


def construct_int(loader, node):
    return int(node.value, 10)


def construct_map(loader, node, deep=False):
    """Names of keys are texts, whatever they look like, and a merge key is one like any other."""
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


Loader.add_constructor("tag:yaml.org,2002:int", construct_int)
Loader.add_constructor("tag:yaml.org,2002:map", construct_map)


def verdict(validator, path):
    try:
        document = yaml.load(path.read_bytes().decode("utf-8"), Loader)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, RecursionError):
        return "unreadable"
    try:
        return "accepts" if validator.is_valid(document) else "rejects"
    except RecursionError:
        return "unreadable"


def expected(path):
    marks = re.findall(rb"^# schema: (accepts(?:: .+)?|rejects|unreadable)$", path.read_bytes(), re.M)
    if len(marks) != 1:
        return "one `# schema:` mark"
    mark = marks[0].decode()
    return "a reason behind `accepts`" if mark == "accepts" else mark.split(":")[0]


def check(schema_path, corpus, more):
    """The number of cases and of failures of one schema."""
    schema = json.loads((ROOT / schema_path).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    good = [path for folder in [f"{corpus}/good", *more] for path in sorted((ROOT / folder).glob("*.yaml"))]
    cases = [(path, "accepts") for path in good]
    cases += [(path, expected(path)) for path in sorted((ROOT / corpus / "bad").glob("*.yaml"))]
    failures = 0
    for path, wanted in cases:
        got = verdict(validator, path)
        if got != wanted:
            failures += 1
            print(f"{path.relative_to(ROOT)}: the schema {got}, expected: {wanted}")
            if wanted == "accepts" and got == "rejects":
                document = yaml.load(path.read_text(), Loader)
                for error in sorted(validator.iter_errors(document), key=str)[:3]:
                    print(f"    {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    return len(cases), failures


def main():
    results = [check(schema, corpus, more) for schema, (corpus, more) in SCHEMAS.items()]
    cases, failures = (sum(counts) for counts in zip(*results))
    print(f"{100 * (cases - failures) // cases}%: Checks: {cases}, Failures: {failures}, Errors: 0")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
