"""The OpenAPI document names every route for apps, and answers are as its schemas say."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from tests.members import Person
from web import openapi


def validator(document: dict[str, Any], path: str) -> Draft202012Validator:
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


async def test_answers_are_as_the_document_says(alice: Person, bob: Person) -> None:
    document = openapi.document("https://a.example")
    status = await alice.post(
        "/api/v1/statuses", {"status": "Hello @bob", "poll": {"options": ["a", "b"], "expires_in": 600}}
    )
    await bob.post(f"/api/v1/statuses/{status['id']}/reblog")
    for path in (
        "/api/v1/timelines/home",
        "/api/v1/notifications",
        "/api/v1/accounts/verify_credentials",
        "/api/v2/search",
        "/api/v1/preferences",
        "/api/v1/profile",
    ):
        validator(document, path).validate(await bob.get(path, q="alice"))


def test_every_operation_is_described() -> None:
    document = openapi.document()
    assert len(document["paths"]) > 150
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert all(f"{{{name}}}" in path for name in named)
    asked = {one["name"]: one["schema"] for one in document["paths"]["/api/v1/calendar"]["get"]["parameters"]}
    assert {"from", "to", "after", "network", "online"} <= asked.keys()
    assert "max_id" not in asked
    assert (asked["topic"]["type"], asked["group"]["type"]) == ("array", "string")
