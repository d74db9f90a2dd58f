"""Compares answers with the OpenAPI document of Mastodon: by route, verb and status, each against its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

# Where the document is wrong: by the place in it, what is put there instead, and why.
CORRECTIONS: dict[tuple[str, ...], Any] = {
    # A server may have scopes of its own.
    ("components", "schemas", "OAuthScope"): {"type": "string"},
    ("components", "schemas", "OEmbedResponse", "properties", "height", "type"): ["integer", "null"],
    # 4.6 has more of them.
    ("components", "schemas", "NotificationTypeEnum"): {"type": "string"},
    ("components", "schemas", "NotificationGroupTypeEnum"): {"type": "string"},
}


def shape(path: str) -> str:
    """The path with a star for each parameter, whichever way parameters are written."""
    return "/".join("*" if re.match(r"[:{]", part) else part for part in path.partition("?")[0].split("/"))


def _allow_any(part: Any) -> None:
    """Let a value be of several kinds at once: an empty quote is a `Quote` and a `ShallowQuote`, not exactly one."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _allow_any(inner)
    if isinstance(part, dict) and "oneOf" in part:
        part["anyOf"] = part.pop("oneOf")


class Document:
    """The document in the file `schema.json`, corrected."""

    def __init__(self, file: Path) -> None:
        self._document = json.loads(file.read_text(encoding="utf-8"))
        _allow_any(self._document)
        for place, value in CORRECTIONS.items():
            *above, last = place
            inner = self._document
            for name in above:
                inner = inner[name]
            inner[last] = value
        self._operations = {
            (method.upper(), shape(path)): operation
            for path, operations in self._document["paths"].items()
            for method, operation in operations.items()
            if isinstance(operation, dict) and "responses" in operation
        }
        self._validators: dict[str, Draft202012Validator] = {}

    def schema(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        """The schema of the JSON that this route answers with this status; None if the document has none."""
        operation = self._operations.get((method, shape(path)))
        if operation is None:
            return None
        content = operation["responses"].get(str(status), {}).get("content", {})
        found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return found

    def component(self, entity: str) -> dict[str, Any] | None:
        """A reference to the schema of an entity, if the document has one: `V1::Instance` is `V1Instance` there."""
        name = entity.replace("::", "")
        return (
            {"$ref": f"#/components/schemas/{name}"}
            if name in self._document["components"]["schemas"]
            else None
        )

    def problems(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What of `value` is not as the schema says."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            # OpenAPI 3.1 schemas are JSON Schema 2020-12.
            self._validators[key] = Draft202012Validator(
                {**schema, "components": self._document["components"]}
            )
        return [
            f"{'.'.join(map(str, one.absolute_path)) or 'the answer'}: {one.message[:300]}"
            for one in self._validators[key].iter_errors(value)
        ]
