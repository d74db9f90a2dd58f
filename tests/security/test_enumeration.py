"""Who has an account, and who is about to have one, is told to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver import admission, mail_links, settings, signup
from fedserver.context import Server
from fedserver.mail import send_mail
from tests.mailing import Mailbox, text_of
from tests.members import Person
from tests.planned import planned
from tests.security.test_identity import GOOD, make, sent, told

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_aut_03_nobody_learns_who_has_an_account(
    server: Server, nobody: Person, admin: Person, mailbox: Mailbox
) -> None:
    """AUT-03."""
    await make(server, "nora")
    await settings.change(server, admin.member, {"registrations": "open"})
    asked = {
        "/login": [{"username": one, "password": "wrong one"} for one in ("nora", "nobody", "nora@mail.example", "x@mail.example")],
        "/password": [{"email": one} for one in ("nora@mail.example", "x@mail.example")],
        "/confirm": [{"email": one} for one in ("nora@mail.example", "x@mail.example")],
    }  # fmt: skip
    for path, forms in asked.items():
        answers = {(await sent(nobody, path, form))[:2] for form in forms}
        assert len(answers) == 1, (path, answers)
    app = await nobody.post(
        "/api/v1/apps", {"client_name": "App", "redirect_uris": "app://", "scopes": "read write"}
    )
    secrets = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    own = await nobody.post(
        "/oauth/token", {"grant_type": "client_credentials", "scope": "read write", **secrets}
    )

    async def tried(way: str, name: str, email: str) -> list[Any]:
        """What somebody sees who signs up, and then looks whether there is an account."""
        form = {"username": name, "email": email, "password": "nine loud herons", "agreement": "1"}
        if way == "page":
            seen: list[Any] = [(await sent(nobody, "/join", form))[:2]]
        else:
            answer = await Person(nobody.client, token=own["access_token"]).raw(
                "POST", "/api/v1/accounts", data=form
            )
            made = await answer.json()
            seen = [answer.status, sorted(made)]
            newcomer = Person(nobody.client, token=made["access_token"])
            for method, path in (
                ("GET", "/api/v1/accounts/verify_credentials"),
                ("GET", "/api/v1/emails/check_confirmation"),
                ("POST", "/api/v1/emails/confirmations"),
            ):
                answer = await newcomer.raw(method, path)
                seen += [answer.status, await told(answer)]
        for login in (name, email):
            seen.append((await sent(nobody, "/login", {"username": login, "password": form["password"]}))[:2])
        seen.append((await sent(nobody, "/confirm", {"email": email}))[:2])
        # The name alone, with an address that nobody has.
        seen.append((await sent(nobody, "/join", form | {"email": f"another-{name}@mail.example"}))[:2])
        return seen

    for way in ("page", "app"):
        known, unknown = (f"known_{way}", "nora@mail.example"), (f"fresh_{way}", f"fresh-{way}@mail.example")
        assert await tried(way, *known) == await tried(way, *unknown)
    for payload in await server.db.read(planned, "mail"):
        await send_mail(server, payload)
    got = [(str(mail["To"]), "already have an account" in text_of(mail)) for mail in mailbox()]
    to_nora = [in_use for to, in_use in got if to == "nora@mail.example"]
    assert sorted(to_nora) == [False, True, True]  # the link for a new password, and two warnings
    # The first mail and those asked for again; nothing to an address that nobody gave.
    assert {to for to, _ in got} == {f"{one}@mail.example" for one in ("nora", "fresh-page", "fresh-app")}


class TestWhoeverAsks:
    @pytest.fixture
    def server_settings(self) -> dict[str, str]:
        return {"secure_mode": "0"}

    async def test_aut_03_who_is_still_to_be_let_in_is_shown_as_nobody(
        self, server: Server, nobody: Person, bob: Person, moderator: Person
    ) -> None:
        """AUT-03."""
        ids = {}
        for name in ("pending", "unconfirmed"):
            form = signup.SignUp(name, f"{name}@mail.example", GOOD, reason="I teach.", agreed=True)
            ids[name] = (await signup.sign_up(server, form)).account_id
        link = await server.db.write(mail_links.mint, "", ids["pending"], "confirm")
        await signup.confirm(server, link.rpartition("/")[2])
        ways = (
            (
                nobody,
                "/.well-known/webfinger?resource=acct:{}@" + server.config.domain,
                "application/jrd+json",
            ),
            (nobody, "/@{}", "text/html"),
            (nobody, "/@{}/feed.atom", "*/*"),
            (nobody, "/users/{}", "application/activity+json"),
            (nobody, "/users/{}/outbox", "application/activity+json"),
            (nobody, "/api/v1/accounts/lookup?acct={}", "application/json"),
            (bob, "/api/v1/accounts/lookup?acct={}", "application/json"),
            (bob, "/api/v1/accounts/search?q={}", "application/json"),
            (bob, "/api/v2/search?q=@{}@" + server.config.domain, "application/json"),
            (bob, "/api/v2/search?resolve=1&q=" + server.config.origin + "/@{}", "application/json"),
        )

        async def answers(*names: str) -> list[list[Any]]:
            found = []
            for person, way, accept in ways:
                seen = []
                for name in names:
                    answer = await person.raw("GET", way.format(name), headers={"accept": accept})
                    seen.append((answer.status, await told(answer, name)))
                found.append(seen)
            return found

        for way, (nothing, *found) in zip(ways, await answers("nobody_at_all", *ids), strict=True):
            assert found == [nothing] * 2, way
        for account_id in ids.values():
            for method, path in (("GET", ""), ("GET", "/statuses"), ("POST", "/follow"), ("POST", "/block")):
                answer = await bob.raw(method, f"/api/v1/accounts/{account_id}{path}")
                assert answer.status == 404, path
        status = await bob.post("/api/v1/statuses", {"status": "Is there @pending or @unconfirmed?"})
        assert status["mentions"] == []
        await admission.approve(server, moderator.member, ids["pending"])
        for way, (nothing, found) in zip(ways, await answers("nobody_at_all", "pending"), strict=True):
            assert (found != nothing, found[0]) == (True, 200), way
