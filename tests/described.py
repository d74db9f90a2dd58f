"""What the OpenAPI document says of answers, to hold them against it."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from web import openapi


@cache
def described(path: str, method: str = "get") -> Draft202012Validator:
    """Validates what a call that went well is answered with."""
    document = _document()
    answer = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer, path
    return Draft202012Validator({**answer, "components": document["components"]})


@cache
def _document() -> dict[str, Any]:
    # To write it takes longer than most tests.
    return openapi.document()
