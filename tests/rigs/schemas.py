"""What two clouds have published of their APIs, as schemas that a request either fits or does not.

The files in `tests/schemas` say where they are from, and of which version. What a service would refuse, or drop
silently, is refused here: a field that it does not know, and one that only it may set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator

Document: TypeAlias = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "schemas"
CLOUD_DNS = "cloud-dns.v1.json"
TRAFFIC_MANAGER = "traffic-manager.2022-04-01.json"


def document(name: str) -> Document:
    """Return a published description."""
    found: Document = json.loads((FOLDER / name).read_text())
    return found


def mistakes(name: str, schema: str, body: object) -> list[str]:
    """Return why a body does not fit a schema of a published description, in words."""
    return [error.message for error in _validator(name, schema).iter_errors(body)]


@cache
def _validator(name: str, schema: str) -> Draft202012Validator:
    found = document(name)
    definitions = {each: _google(one) for each, one in found["schemas"].items()} if "schemas" in found else None
    if definitions is None:
        definitions = found["definitions"]
        bases = {base["$ref"] for one in definitions.values() for base in one.get("allOf", [])}
        definitions = {each: _azure(one, base=f"#/definitions/{each}" in bases) for each, one in definitions.items()}
    return Draft202012Validator({"definitions": definitions, "$ref": f"#/definitions/{schema}"})


def _google(schema: Mapping[str, Any]) -> Document:
    """Return a schema of a discovery document as JSON Schema."""
    made = {name: value for name, value in schema.items() if name != "id"}
    if "$ref" in made:
        made["$ref"] = f"#/definitions/{made['$ref']}"
    if "items" in made:
        made["items"] = _google(made["items"])
    if "properties" in made:
        made["properties"] = {name: _google(one) for name, one in made["properties"].items()}
        made["additionalProperties"] = False
    return made


def _azure(schema: Mapping[str, Any], *, base: bool) -> Document:
    """Return a schema of an OpenAPI description as JSON Schema, for what is sent."""
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: one for name, one in made["properties"].items() if not one.get("readOnly")}
    if made.get("type") == "object" and not base:
        made["unevaluatedProperties"] = False
    return made
