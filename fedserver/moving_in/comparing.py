"""What a file would change: what is new in it, what is there already, and what would go. Units, which change nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection

from fedserver.mentions import Home, is_ours
from fedserver.moving_in.files import Kind
from storage import moving_in
from storage.accounts import fold

Means = Literal["item", "list"]
ACCOUNTS: Final = frozenset({"following", "muting", "blocking", "lists"})
"""Kinds whose rows name accounts."""


class Going(NamedTuple):
    """What goes because it is not in the file: the id of what it is (account, post, filter), "" or the domain, and for
    somebody in a list the list; with no `id` the list itself."""

    id: int
    domain: str = ""
    list_id: int = 0


@dataclass(slots=True)
class Comparison:
    """`new` and `known` are numbers of rows; `removed` those of what goes, and of lists that go as a whole."""

    new: int = 0
    known: int = 0
    going: list[Going] = field(default_factory=list)

    @property
    def removed(self) -> int:
        return sum(bool(one.id or one.domain) for one in self.going)

    @property
    def removed_lists(self) -> int:
        return len(self.going) - self.removed


def key_here(home: Home, kind: Kind, key: str) -> str:
    """The key of a row as what is here has it: this server has one name in it, whichever the file has."""
    name, at, host = key.rpartition("@")
    return f"{name}@" if kind in ACCOUNTS and at and is_ours(home, host) else key


def compare(
    conn: Connection, home: Home, account_id: int, kind: Kind, keys: Collection[str], *, overwrites: bool
) -> Comparison:
    """What the rows of these keys would change for a member."""
    wanted = {key_here(home, kind, key) for key in keys}
    there = _there(conn, account_id, kind)
    known = wanted & there.keys()
    found = Comparison(new=len(wanted) - len(known), known=len(known))
    if overwrites:
        kept = {there[key] for key in known}
        found.going = [one for one in dict.fromkeys(there.values()) if one not in kept]
        if kind == "following":
            # To leave a group is more than a file can mean that was made where nobody knows it.
            groups = {row.id for row in moving_in.following(conn, account_id) if row.actor_type == "Group"}
            found.going = [one for one in found.going if one.id not in groups]
        if kind == "lists":
            titles = {key.rpartition("\n")[0] for key in wanted}
            found.going += [
                Going(0, list_id=row.id)
                for row in moving_in.lists(conn, account_id)
                if row.title not in titles
            ]
    return found


def _there(conn: Connection, account_id: int, kind: Kind) -> dict[str, Going]:
    if kind == "domain_blocking":
        return {domain: Going(0, domain) for domain in moving_in.domains(conn, account_id)}
    if kind == "bookmarks":
        return {
            address: Going(row.id)
            for row in moving_in.bookmarks(conn, account_id)
            for address in (row.uri, row.url)
            if address
        }
    if kind == "lists":
        return {
            f"{row.title}\n{_handle(row)}": Going(row.id, list_id=row.list_id)
            for row in moving_in.listed(conn, account_id)
        }
    if kind == "custom_filters":
        return {row.title: Going(row.id) for row in moving_in.filters(conn, account_id)}
    rows = {"following": moving_in.following, "muting": moving_in.muting, "blocking": moving_in.blocking}[
        kind
    ]
    return {_handle(row): Going(row.id) for row in rows(conn, account_id)}


def _handle(row: object) -> str:
    name, domain = row.username_key, row.domain  # type: ignore[attr-defined]
    return f"{fold(name)}@{domain}"
