"""What SARIF 2.1.0 demands of the objects that Penstock writes, by hand from the standard's sections, which each line names.

Only properties that the standard knows are let through, so that a misspelt one is found.
"""
import jsonschema

TEXT = {"type": "string", "minLength": 1}
MESSAGE = {"type": "object", "required": ["text"], "additionalProperties": False, "properties": {"text": TEXT}}  # 3.11
REGION = {  # 3.30: lines and columns count from 1
    "type": "object", "required": ["startLine"], "additionalProperties": False,
    "properties": {"startLine": {"type": "integer", "minimum": 1}, "startColumn": {"type": "integer", "minimum": 1}},
}
ARTIFACT = {  # 3.4: a URI reference as RFC 3986 has it, relative to the top of the repository
    "type": "object", "required": ["uri"], "additionalProperties": False,
    "properties": {"uri": {"type": "string", "pattern": r"^(?!/)([A-Za-z0-9._~/-]|%[0-9A-F]{2})+$"}},
}
LOCATION = {  # 3.28, 3.29
    "type": "object", "required": ["physicalLocation"], "additionalProperties": False,
    "properties": {"physicalLocation": {
        "type": "object", "required": ["artifactLocation"], "additionalProperties": False,
        "properties": {"artifactLocation": ARTIFACT, "region": REGION}}},
}
SUPPRESSION = {  # 3.35
    "type": "object", "required": ["kind"], "additionalProperties": False,
    "properties": {"kind": {"enum": ["inSource", "external"]}, "justification": TEXT},
}
RESULT = {  # 3.27
    "type": "object", "required": ["message", "ruleId"], "additionalProperties": False,
    "properties": {
        "ruleId": TEXT, "ruleIndex": {"type": "integer", "minimum": 0}, "message": MESSAGE,
        "level": {"enum": ["none", "note", "warning", "error"]}, "locations": {"type": "array", "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": TEXT},
        "suppressions": {"type": "array", "items": SUPPRESSION}, "properties": {"type": "object"}},
}
RULE = {"type": "object", "required": ["id"], "additionalProperties": False,  # 3.49
        "properties": {"id": TEXT, "shortDescription": MESSAGE}}
DRIVER = {  # 3.19
    "type": "object", "required": ["name"], "additionalProperties": False,
    "properties": {"name": TEXT, "version": TEXT, "rules": {"type": "array", "items": RULE, "uniqueItems": True}},
}
RUN = {  # 3.14
    "type": "object", "required": ["tool"], "additionalProperties": False,
    "properties": {
        "tool": {"type": "object", "required": ["driver"], "additionalProperties": False, "properties": {"driver": DRIVER}},
        "results": {"type": "array", "items": RESULT}, "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "automationDetails": {"type": "object", "required": ["id"], "additionalProperties": False, "properties": {"id": TEXT}},
        "properties": {"type": "object"}},
}
LOG = {  # 3.13
    "type": "object", "required": ["version", "runs"], "additionalProperties": False,
    "properties": {"$schema": {"type": "string"}, "version": {"const": "2.1.0"}, "runs": {"type": "array", "items": RUN}},
}


def validate(sarif):
    jsonschema.Draft7Validator(LOG).validate(sarif)
    for run in sarif["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules), rules
        assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])  # 3.27.6
