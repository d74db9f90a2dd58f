"""Members of two servers and what they do with each other, as their clients see it."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from activitypub.identifiers import Uris
from fedserver import oauth, signup
from fedserver.keys import Keys
from storage.database import open_database
from tests.client import SECONDS_MAX, Api
from tests.running import SCOPES, RunningServer, password_of
from tests.waiting import eventually

_numbers = itertools.count(1)


def enrol(server: RunningServer, *names: str, with_password: bool = False) -> list[Api]:
    """New members with a token each, named like `names` with a number, all made at once."""
    usernames = [f"{name}{next(_numbers)}" for name in names]

    async def make() -> list[str]:
        db = await open_database(server.environment["FEDSERVER_DATABASE"])
        try:
            tokens = []
            for username in usernames:
                account_id = await signup.make_user(
                    db,
                    Uris(server.origin),
                    Keys(),
                    username=username,
                    email=f"{username}@members.example",
                    password=password_of(username) if with_password else None,
                )
                tokens.append((await db.write(oauth.issue, account_id, SCOPES)).access_token)
            return tokens
        finally:
            await db.close()

    tokens = asyncio.run(make())
    return [server.api(token, username) for username, token in zip(usernames, tokens, strict=True)]


@dataclass
class Friends:
    """`here` and `there` are members of two servers; each knows the other's account by an id of its own server's."""

    here: Api
    there: Api
    here_server: RunningServer
    there_server: RunningServer
    there_id: str  # as the server of `here` knows it
    here_id: str

    @classmethod
    def introduce(
        cls, here: Api, there: Api, here_server: RunningServer, there_server: RunningServer
    ) -> Friends:
        """Let them find each other by handle."""
        there_id = here.find_account(there.handle)["id"]
        return cls(here, there, here_server, there_server, there_id, there.find_account(here.handle)["id"])

    def follow_each_other(self) -> Friends:
        """Follow in both directions, and wait until both servers know of both."""
        self.here.post(f"/api/v1/accounts/{self.there_id}/follow")
        self.there.post(f"/api/v1/accounts/{self.here_id}/follow")
        for one, other_id in ((self.here, self.there_id), (self.there, self.here_id)):
            stands(one, other_id, following=True, followed_by=True, requested=False)
        return self

    def turned(self) -> Friends:
        """The same two, seen from the other side."""
        return Friends(
            self.there, self.here, self.there_server, self.here_server, self.here_id, self.there_id
        )

    def let_everything_arrive(self) -> None:
        """Wait until neither server has anything to send, nor anything of the other's to act on."""
        for sender, receiver in (
            (self.there_server, self.here_server),
            (self.here_server, self.there_server),
        ):
            sent = partial(sender.has_sent_everything_to, receiver)
            eventually(sent, f"that {sender.domain} has sent everything to {receiver.domain}")
            eventually(receiver.has_acted_on_everything, f"that {receiver.domain} has acted on everything")

    def says(self, text: str, **form: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A status of `here`: as posted, and as it has reached the home timeline of `there`."""
        sent = self.here.post("/api/v1/statuses", {"status": text, **form})
        return sent, arrives(self.there, sent["uri"])


class Browser:
    """A member enrolled with a password, who fills in the forms of the pages. Signed in when made."""

    def __init__(self, server: RunningServer, member: Api) -> None:
        self._server = server
        self._http = httpx.Client(
            base_url=server.address,
            headers={"host": member.origin.partition("://")[2]},
            timeout=SECONDS_MAX,
            trust_env=False,
        )
        self.submit("/login", username=member.username, password=password_of(member.username))

    def share_session(self, member: Api) -> None:
        """Let the member's client see the pages as this browser does."""
        member.http.cookies.update(self._http.cookies)

    def submit(self, page: str, form: str = "", **fields: str) -> None:
        """Send the form of this page that goes to `form`, or to the page itself."""
        shown = self._http.get(page)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown.text))
        answer = self._http.post(form or page, data={**hidden, **fields})
        assert answer.status_code == 303, (
            f"{page} answered {answer.status_code}: {answer.text}\n{self._server.log_end()}"
        )


def befriend(here_server: RunningServer, there_server: RunningServer) -> Friends:
    """New members of the two servers who follow each other."""
    (here,), (there,) = enrol(here_server, "hanna"), enrol(there_server, "theo")
    return Friends.introduce(here, there, here_server, there_server).follow_each_other()


def arrives(reader: Api, uri: str) -> dict[str, Any]:
    """The status with this address (or the boost of it) once it is in the reader's home timeline."""
    return eventually(lambda: reader.in_home(uri), f"{uri} in the home timeline of {reader.handle}")


def hears(reader: Api, kind: str, account_id: str, uri: str) -> dict[str, Any]:
    """The notification of this type, about this account and status, once it is there."""

    def seen() -> dict[str, Any] | None:
        found = reader.notified(kind, account_id)
        return found if found is not None and found["status"]["uri"] == uri else None

    return eventually(seen, f"that {reader.handle} hears of {uri}", lambda: reader.notified(kind, account_id))


def stands(one: Api, other_id: str, **wanted: bool) -> None:
    """Wait until the relationship of `one` to the account is as wanted."""
    eventually(
        lambda: wanted.items() <= one.relationship(other_id).items(),
        f"that {one.handle} stands to {other_id} like {wanted}",
        lambda: one.relationship(other_id),
    )


def becomes(reader: Api, path: str, **wanted: Any) -> dict[str, Any]:
    """What is at `path` once its fields are as wanted."""
    seen: dict[str, Any] = {}

    def as_wanted() -> dict[str, Any] | None:
        seen.update(reader.get(path))
        return seen if wanted.items() <= seen.items() else None

    return eventually(
        as_wanted,
        f"{wanted} at {path} for {reader.handle}",
        lambda: {name: seen.get(name) for name in wanted},
    )


def disappears(reader: Api, path: str) -> None:
    """Wait until there is nothing at `path`."""
    eventually(
        lambda: reader.raw("GET", path).status_code in (404, 410), f"that {path} is gone for {reader.handle}"
    )


def same(sent: dict[str, Any], came: dict[str, Any], fields: Sequence[str]) -> None:
    """Assert that these fields are alike on both servers."""
    for name in fields:
        assert came[name] == sent[name], name
