"""Signature vectors that live outside the project; the tests that need them say so when they are absent."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from activitypub.signatures import PublicKey, RequestFacts

SHARED = os.environ.get("FEDSERVER_TEST_SHARED")
needs_vectors = pytest.mark.skipif(SHARED is None, reason="skipped: FEDSERVER_TEST_SHARED is not set")


def vector(name: str) -> dict[str, Any]:
    assert SHARED is not None
    path = Path(SHARED) / "data" / "federation" / "signatures" / f"{name}.json"
    return json.loads(path.read_text())


def vector_names(prefix: str) -> list[str]:
    """Names of the vectors that start so; one that is always skipped when there are none to read."""
    if SHARED is None:
        return ["FEDSERVER_TEST_SHARED"]
    folder = Path(SHARED) / "data" / "federation" / "signatures"
    names = sorted(path.stem for path in folder.glob(f"{prefix}*.json"))
    assert names, f"no vectors {prefix}* in {folder}"
    return names


def facts_of(data: dict[str, Any]) -> RequestFacts:
    message = data["message"]
    headers = dict(message["headers"])
    if "signature_header" in data:
        headers["Signature"] = data["signature_header"]
    else:
        headers |= {"Signature-Input": data["signature_input"], "Signature": data["signature"]}
    body = message.get("body")
    return RequestFacts(message["method"], message["url"], headers, body.encode() if body else None)


def key_of(data: dict[str, Any], key_id: str) -> PublicKey:
    return PublicKey.from_pem(
        data["public_key_pem"], key_id=key_id, owner_uri="https://a.example/users/alice"
    )
