"""People without an account read a member by e-mail: asked, confirmed, sent, ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from sqlalchemy import Connection, update

from fedserver import email_subscriptions
from fedserver.context import Server
from storage import email_subscriptions as stored
from storage import tables
from tests.client import ApiError
from tests.members import Person


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"email_subscriptions": "true"}


def links(message: EmailMessage, path: str) -> str:
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    found = re.search(rf"https?://\S+({path}\S+)", text)
    assert found is not None, text
    return found[1]


async def test_public_posts_go_to_whoever_confirmed(
    server: Server, alice: Person, bob: Person, nobody: Person, mailbox: Callable[[], list[EmailMessage]]
) -> None:
    at = f"/api/v1/accounts/{alice.id}/email_subscriptions"
    with pytest.raises(ApiError) as refused:
        await nobody.post(at, {"email": "reader@mail.example"})
    assert refused.value.status == 404, "as long as she does not offer it"
    await email_subscriptions.offer(server, alice.member, wanted=True)
    assert (await nobody.get(f"/api/v1/accounts/{alice.id}"))["email_subscriptions"] is True
    assert (await nobody.get(f"/api/v1/accounts/{bob.id}"))["email_subscriptions"] is False
    with pytest.raises(ApiError) as refused:
        await nobody.post(at, {"email": "nonsense"})
    assert refused.value.status == 422
    assert await nobody.post(at, {"email": "Reader@mail.example"}) == {}
    assert await nobody.post(at, {"email": "reader@mail.example"}) == {}

    row = await server.db.read(stored.of_address, alice.account_id, "reader@mail.example")
    assert row is not None
    asks = {"subscription_id": row.id, "post_ids": []}
    await email_subscriptions.mail_subscriber(server, asks)
    (question,) = mailbox()
    assert question["To"] == "Reader@mail.example"
    path = links(question, "/confirm/posts/")
    assert (await nobody.raw("GET", path)).status == 200
    first = await alice.post("/api/v1/statuses", {"status": "Too early"})
    sends = {"account_id": alice.account_id, "from_id": int(first["id"])}
    await email_subscriptions.mail_subscribers(server, sends)
    assert await server.db.read(stored.confirmed_ids, alice.account_id, 0, limit=9) == []
    assert (await nobody.raw("POST", path)).status == 200
    assert await server.db.read(stored.has_any, alice.account_id)

    said = [
        await alice.post("/api/v1/statuses", {"status": text, "visibility": visibility, **more})
        for text, visibility, more in (
            ("For all", "public", {}),
            ("For friends", "private", {}),
            ("Beneath", "public", {"spoiler_text": "A warning", "sensitive": True}),
        )
    ]
    ids = await server.db.read(stored.posts_to_send, alice.account_id, int(said[0]["id"]), limit=9)
    assert [str(one) for one in ids] == [said[0]["id"], said[2]["id"]]
    await email_subscriptions.mail_subscriber(server, {"subscription_id": row.id, "post_ids": ids})
    sent = mailbox()[-1]
    body = sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert sent["Subject"] == "2 new posts by alice"
    assert "> For all" in body
    assert "> A warning" in body
    assert said[0]["url"] in body
    assert "Beneath" not in body
    assert "friends" not in body
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    ends = links(sent, "/unsubscribe/posts/")
    assert ends in sent["List-Unsubscribe"]
    assert (await nobody.raw("GET", ends)).status == 200
    assert (await nobody.raw("POST", ends)).status == 200
    assert await server.db.read(stored.by_id, row.id) is None
    assert (await nobody.raw("GET", ends)).status == 404


async def test_an_address_that_does_not_answer_is_not_written_to_again_and_again(
    server: Server, alice: Person, nobody: Person
) -> None:
    await email_subscriptions.offer(server, alice.member, wanted=True)
    at, form = f"/api/v1/accounts/{alice.id}/email_subscriptions", {"email": "victim@mail.example"}
    await nobody.post(at, form)
    first = await server.db.read(stored.of_address, alice.account_id, "victim@mail.example")
    assert first is not None

    def age(conn: Connection) -> None:
        hours = first.created_at - 5 * 3_600_000
        conn.execute(update(tables.email_subscription).values(created_at=hours))

    await server.db.write(age)
    await nobody.post(at, form)
    again = await server.db.read(stored.of_address, alice.account_id, "victim@mail.example")
    assert again is not None
    assert again.id == first.id, "hours later it counts as asked"
