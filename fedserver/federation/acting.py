"""What a handler of an incoming activity is given, and what it may raise.

Handlers are units: they act on what is known. One that needs something unknown raises `Missing`, is rolled back,
and called again once that was asked for; so nobody waits for the network while holding the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection

from activitypub.activities import Activity
from fedserver.context import Server
from fedserver.federation.authenticate import Authenticated, How
from fedserver.federation.fetch import Document
from storage import accounts, posts
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.posts import PostRow


class Dropped(Exception):
    """The activity changes nothing; the text says why, for the admin's list."""


class Missing(Exception):
    """Something must be fetched first. With `optional` the handler can do without it.

    `inner` is the proof of what a group hands on, `moderators` who moderates the group at `uri`.
    """

    def __init__(
        self,
        kind: Literal["account", "post", "inner", "moderators"],
        uri: str,
        *,
        optional: bool = False,
        refresh: bool = False,
        viewer_id: int | None = None,
    ) -> None:
        super().__init__(f"{kind} {uri}")
        self.kind = kind
        self.uri = uri
        self.optional = optional
        self.refresh = refresh
        self.viewer_id = viewer_id

    @property
    def what(self) -> str:
        """What is asked for, as `Incoming.asked` holds it."""
        return self.uri if self.kind in ("account", "post") else f"{self.kind} {self.uri}"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One believed activity. `asked` holds what was fetched for it already, found or not.

    `inner` is what a group hands on in it, once that is believed. `group` is the group elsewhere that has handed this
    on: what it says counts in the group, and for no more than the group's content.
    """

    server: Server
    said: Authenticated
    actor: AccountRow
    item_id: int
    arrived_at: int
    asked: frozenset[str] = field(default_factory=frozenset)
    inner: Authenticated | None = None
    group: GroupRow | None = None

    @property
    def activity(self) -> Activity:
        return self.said.activity

    @property
    def how(self) -> How:
        return self.said.how

    @property
    def object_document(self) -> Document | None:
        return self.said.object_document

    @property
    def uri(self) -> str:
        """The activity's id; of one without, an address of ours to remember it by."""
        return self.activity.id or f"{self.actor.uri}#{self.activity.type.lower()}-{self.item_id}"

    def account(self, conn: Connection, uri: str | None, *, refresh: bool = False) -> AccountRow:
        """The account with this actor URI, known or fetched; else Dropped."""
        if uri is None:
            raise Dropped("it names nobody")
        row = accounts.by_uri(conn, uri)
        if uri not in self.asked and not self.server.uris.is_local(uri) and (row is None or refresh):
            raise Missing("account", uri, refresh=refresh)
        if row is None or row.deleted_at is not None or row.suspended_at is not None:
            raise Dropped("it is about somebody who is not there")
        return row

    def local_account(self, conn: Connection, uri: str | None) -> AccountRow:
        """The member with this actor URI; else Dropped."""
        row = accounts.by_uri(conn, uri) if uri is not None and self.server.uris.is_local(uri) else None
        if row is None or row.domain or row.deleted_at is not None or row.suspended_at is not None:
            raise Dropped("it is about nobody here")
        if row.hidden:
            raise Dropped("it is about a private group, or somebody who is still to be let in")
        return row

    def post(self, conn: Connection, uri: str | None, *, viewer_id: int | None = None) -> PostRow:
        """The post with this id, known or fetched; else Dropped."""
        if uri is None:
            raise Dropped("it names no post")
        row = posts.by_uri(conn, uri)
        if row is None and uri not in self.asked and not self.server.uris.is_local(uri):
            raise Missing("post", uri, viewer_id=viewer_id)
        if row is None:
            raise Dropped("it is about a post that is not there")
        return row

    def known_post(self, conn: Connection, uri: str | None) -> PostRow:
        """The post with this id if it is known; else Dropped."""
        row = None if uri is None else posts.by_uri(conn, uri)
        if row is None:
            raise Dropped("it is about a post that is not known here")
        return row


Handler = Callable[[Connection, Incoming], None]
