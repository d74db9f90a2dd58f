"""Who signed up through an app can ask there whether the address is confirmed, and for the link again."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver import mail_links, signup
from fedserver.context import Server
from fedserver.viewer import PAGE_SCOPES, Member
from tests.mailing import link_in, mails
from tests.members import Person
from tests.waiting import until

CONFIRM, CHECK = "/api/v1/emails/confirmations", "/api/v1/emails/check_confirmation"


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"registrations": "open"}


@pytest.mark.jobs
async def test_an_app_asks_for_the_link_again(
    server: Server, nobody: Person, alice: Person, mailbox: Any
) -> None:
    app = await nobody.post(
        "/api/v1/apps",
        {"client_name": "App", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write"},
    )
    secrets = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    own = await nobody.post(
        "/oauth/token", {"grant_type": "client_credentials", "scope": "read write", **secrets}
    )
    form = {
        "username": "newcomer",
        "email": "new@members.example",
        "password": "nine blue lamps at sea",
        "agreement": True,
    }
    signed_up = await Person(nobody.client, token=own["access_token"]).post("/api/v1/accounts", form)
    newcomer = Person(nobody.client, "newcomer", token=signed_up["access_token"])
    assert (await newcomer.raw("GET", "/api/v1/timelines/home")).status == 403
    assert await newcomer.get(CHECK) is False
    assert [mail["to"] for mail in await mails(mailbox, 1)] == ["new@members.example"]
    # Whose address somebody names hears of it, and whoever names it does not.
    assert await newcomer.post(CONFIRM, {"email": "alice@members.example"}) == {}
    warning = (await mails(mailbox, 2))[1]
    assert (warning["to"], warning["subject"][:15]) == ("alice@members.example", "You already hav")
    await newcomer.post(CONFIRM, {"email": "newer@members.example"})
    newest = (await mails(mailbox, 3))[2]
    assert newest["to"] == "newer@members.example"
    await signup.confirm(server, link_in(newest, "/confirm/"))
    await until(lambda: newcomer.get(CHECK), "the address is confirmed")
    assert (await newcomer.raw("POST", CONFIRM)).status == 403
    assert (await alice.raw("POST", CONFIRM)).status == 403
    assert (await nobody.raw("GET", CHECK)).status == 401


async def test_a_link_says_nothing_about_an_address_named_after_it_was_sent(server: Server) -> None:
    form = signup.SignUp("newcomer", "mine@members.example", "nine blue lamps at sea", agreed=True)
    made = await signup.sign_up(server, form)
    link = await server.db.write(mail_links.mint, server.config.origin, made.account_id, "confirm")
    newcomer = Member(made.account_id, "newcomer", "member", PAGE_SCOPES)
    await signup.confirm_later(server, newcomer, "theirs@members.example")
    with pytest.raises(mail_links.LinkExpired):
        await signup.confirm(server, link.rpartition("/")[2])
    assert not await signup.is_confirmed(server, newcomer)
