"""server/api/openapi.yaml as something to hold answers against."""

import copy
import json
import pathlib
import re

import jsonschema
import yaml

METHODS = ("get", "post", "put", "delete", "patch", "head")
# What any operation may answer besides what it lists, always as an Error.
GENERAL = {400, 401, 403, 413}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time")
def is_time(value):
    return not isinstance(value, str) or TIME.fullmatch(value) is not None


def close(schema):
    """Objects say all they hold, so a field that the file does not know is a fault of the answer."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


class Operation:
    def __init__(self, contract, path, method, description, parameters):
        self.contract, self.path, self.method, self.id = contract, path, method.upper(), description["operationId"]
        self.parameters = [contract.resolve(parameter) for parameter in parameters + description.get("parameters", [])]
        self.is_public = description.get("security") == []
        self.responses = {int(status): contract.resolve(response) for status, response in description["responses"].items()}
        self.body = description.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if self.body:
            self.body = contract.resolve(self.body)

    def fault(self, status, content_type, text):
        """What is wrong with the answer, or None."""
        response = self.responses.get(status)
        if response is None:
            if status not in GENERAL:
                return f"status {status} is not in the file"
            response = self.contract.error
        content = response.get("content")
        if content is None:
            return f"a body where none is described: {text[:80]!r}" if text else None
        if content_type not in content:
            return f"content type {content_type!r} is not in the file"
        if content_type != "application/json":
            return None
        validator = jsonschema.Draft202012Validator(self.contract.closed(content[content_type]["schema"]), format_checker=formats)
        faults = sorted(validator.iter_errors(json.loads(text)), key=lambda fault: list(fault.path))
        return "; ".join(f"{'.'.join(map(str, fault.path))}: {fault.message[:160]}" for fault in faults[:3]) or None

    def schema_fault(self, schema, value):
        """The same for one value against a named schema: the data of a server-sent event."""
        validator = jsonschema.Draft202012Validator(self.contract.closed({"$ref": f"#/components/schemas/{schema}"}),
                                                    format_checker=formats)
        return "; ".join(fault.message[:160] for fault in validator.iter_errors(value)) or None


class Contract:
    def __init__(self, path):
        self.document = yaml.safe_load(pathlib.Path(path).read_text())
        self.components = copy.deepcopy(self.document["components"])
        close(self.components["schemas"])
        self.error = self.document["components"]["responses"]["Error"]
        self.operations = {}
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = Operation(self, path, method, item[method], item.get("parameters", []))
                    self.operations[operation.id] = operation

    def resolve(self, part):
        if "$ref" not in part:
            return part
        found = self.document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found

    def closed(self, schema):
        schema = copy.deepcopy(schema)
        close(schema)
        return {"components": self.components, "allOf": [schema]}
