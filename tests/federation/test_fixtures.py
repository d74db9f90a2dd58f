"""Documents that attackers really made, from other projects' tests: none of them changes anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from activitypub.discovery import read_jrd
from activitypub.errors import ProtocolError
from activitypub.values import normalise
from activitypub.vocabulary import read_post
from fedserver.errors import Unreachable
from fedserver.federation import fetch
from storage import tables
from tests.federation.stub import Door, Stub


def fixture(shared: Path, name: str) -> Any:
    return json.loads((shared / "data" / "federation" / name).read_bytes())


async def rows(door: Door) -> int:
    def count(conn: Connection) -> int:
        return sum(
            int(conn.scalar(select(func.count()).select_from(table)) or 0)
            for table in (tables.post, tables.follow)
        )

    return await door.server.db.read(count)


async def test_a_boost_with_a_forged_post_inside_changes_nothing(
    door: Door, elsewhere: Stub, shared: Path
) -> None:
    mallory = elsewhere.actor("mallory")
    bogus = fixture(shared, "mastodon/pleroma-bogus-mastodon-announce.json")
    await door.takes(mallory, bogus, bogus | {"actor": mallory.uri, "id": mallory.uri_of("activities")})
    assert await rows(door) == 0


async def test_a_spoofed_post_is_not_stored_from_where_it_is_served(
    door: Door, elsewhere: Stub, shared: Path
) -> None:
    spoofed = fixture(shared, "pleroma/pleroma-spoofed-object.json")
    elsewhere.documents["/notes/spoofed"] = spoofed
    mallory = elsewhere.actor("mallory")
    try:
        found = await fetch.resolve(door.server, f"{elsewhere.origin}/notes/spoofed")
    except Unreachable:
        found = None
    await door.takes(mallory, mallory.says("Create", spoofed))
    assert found is None
    assert await rows(door) == 0


@pytest.mark.parametrize("number", [1, 2, 3])
def test_webfinger_does_not_give_away_a_name(shared: Path, number: int) -> None:
    document = fixture(shared, f"webfinger/http-webfinger-hacker{number}.json")["body"]
    assert document["subject"]
    # They name somebody, and no actor who would confirm it.
    with pytest.raises(ProtocolError):
        read_jrd(normalise(document))


def test_a_quote_that_contradicts_itself_names_one_post(shared: Path) -> None:
    post = read_post(normalise(fixture(shared, "misskey/pleroma-quote_post-fedibird_quote_mismatched.json")))
    assert post.quote is not None
