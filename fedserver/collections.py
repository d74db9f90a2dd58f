"""Collections: lists of accounts that a member recommends, each with the consent of whom it features (FEP-7aa9).

A member who wants to be found agrees by that (one who approves followers, to being featured by them). Whoever is
elsewhere is asked, and shown to others once they have agreed. Everybody can take themselves out again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import notifications, visibility
from fedserver.content.links import tag_key
from fedserver.content.text import clean_line, clean_text, language_tag
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.federation import publish_collections as told
from fedserver.viewer import Member
from storage import accounts, collections, posts, relationships
from storage.accounts import AccountRow
from storage.collections import SHOWN_TO_OTHERS, SHOWN_TO_OWNER, CollectionRow, ItemRow
from storage.types import new_id, now_ms

NAME_CHARACTERS_MAX: Final = 40
DESCRIPTION_CHARACTERS_MAX: Final = 100
ITEMS_MAX: Final = 25
COLLECTIONS_MAX: Final = 10
REFUSED_KEPT_MS: Final = 86_400_000

Approval = Literal["automatic", "manual", "denied", "unknown", "missing"]
NOT_ALLOWED: Final = "This action is not allowed"
CANNOT_BE_ADDED: Final = "This user doesn't allow being added to collections."


@dataclass(frozen=True, slots=True)
class Draft:
    """A collection as its owner wants it; None leaves a thing as it is."""

    name: str | None = None
    description: str | None = None
    language: str | None = None
    sensitive: bool | None = None
    discoverable: bool | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection with the items that the viewer may see."""

    row: CollectionRow
    items: Sequence[ItemRow]


@dataclass(frozen=True, slots=True)
class Shown:
    """A collection for a page of its own: who made it, and whom it features."""

    collection: Collection
    owner: AccountRow
    accounts: Sequence[AccountRow]


# -- consent


def feature_approval(row: AccountRow) -> tuple[list[str], list[str], Approval]:
    """Who may feature an account: at once, after it was asked; and what holds for anybody who is neither its follower
    nor followed by it, "unknown" where that matters."""
    automatic, manual, stated = policy_of(row)
    if not stated:
        return [], [], "missing"
    if "public" in automatic:
        return automatic, manual, "automatic"
    if {"followers", "following"} & {*automatic, *manual}:
        return automatic, manual, "unknown"
    if "public" in manual:
        return automatic, manual, "manual"
    return automatic, manual, "unknown" if {*automatic, *manual} else "denied"


def policy_of(row: AccountRow) -> tuple[list[str], list[str], bool]:
    """The groups of people whose wish to feature an account is granted at once, and considered (`public`,
    `followers`, `following`, `unsupported_policy`), and whether it says anything about that."""
    if not row.domain:
        return ([] if not row.discoverable else ["followers" if row.locked else "public"]), [], True
    if not row.feature_policy:
        return [], [], False
    stated = json.loads(row.feature_policy)
    return stated["automatic"], stated["manual"], True


def may_feature(conn: Connection, owner_id: int, row: AccountRow) -> bool:
    """Whether an account (here or elsewhere) may put another into a collection, or ask it at least."""
    if row.suspended_at is not None or row.deleted_at is not None:
        return False
    if relationships.either_blocks(conn, owner_id, row.id):
        return False
    if not row.domain and not row.discoverable:
        return False
    if owner_id == row.id:
        return True
    automatic, manual, _ = policy_of(row)
    allowed = {*automatic, *manual}
    return (
        "public" in allowed
        or ("followers" in allowed and relationships.is_following(conn, owner_id, row.id))
        or ("following" in allowed and relationships.is_following(conn, row.id, owner_id))
    )


# -- looking


def seen(conn: Connection, viewer_id: int | None, rows: Sequence[CollectionRow]) -> list[Collection]:
    """Collections with the items that the viewer may see: their owner also those that were asked and have not
    answered, everybody without whom they block."""
    mine = [row.id for row in rows if row.account_id == viewer_id]
    others = [row.id for row in rows if row.account_id != viewer_id]
    found = collections.items(conn, mine, SHOWN_TO_OWNER, viewer_id=viewer_id)
    found |= collections.items(conn, others, SHOWN_TO_OTHERS, viewer_id=viewer_id)
    return [Collection(row, found.get(row.id, ())) for row in rows]


async def some(server: Server, viewer_id: int | None, ids: Sequence[int]) -> dict[int, Collection]:
    """Those of these collections that the viewer may see, by id."""
    return await server.db.read(some_unit, viewer_id, ids)


def some_unit(conn: Connection, viewer_id: int | None, ids: Sequence[int]) -> dict[int, Collection]:
    """The same, for units."""
    if not ids:
        return {}
    rows = collections.by_ids(conn, ids)
    owners = accounts.by_ids(conn, {row.account_id for row in rows.values()})
    hidden = relationships.hidden_from(conn, viewer_id) if viewer_id is not None else set()
    shown = [
        row
        for row in rows.values()
        if owners[row.account_id].suspended_at is None
        and (row.account_id == viewer_id or row.account_id not in hidden)
    ]
    return {one.row.id: one for one in seen(conn, viewer_id, shown)}


async def show(server: Server, viewer_id: int | None, collection_id: int) -> Shown:
    """A collection, its owner and whom it features. Raises NotFound, Forbidden when its owner blocks the viewer."""

    def unit(conn: Connection) -> Shown:
        row = _existing(conn, collection_id)
        owner = accounts.by_id(conn, row.account_id)
        if owner is None or owner.suspended_at is not None or owner.deleted_at is not None:
            raise NotFound("Record not found")
        if viewer_id is not None and relationships.block_between(conn, owner.id, viewer_id) is not None:
            raise Forbidden(NOT_ALLOWED)
        found = seen(conn, viewer_id, [row])[0]
        rows = accounts.by_ids(conn, [one.account_id for one in found.items])
        return Shown(found, owner, [rows[one.account_id] for one in found.items])

    return await server.db.read(unit)


async def of_account(
    server: Server, viewer_id: int | None, account_id: int, *, limit: int, offset: int
) -> list[Collection]:
    """The collections an account shows; its own owner sees all. None for whom it blocks. Raises NotFound."""

    def unit(conn: Connection) -> list[Collection]:
        owner = visibility.known(conn, account_id, viewer_id)
        if owner.suspended_at is not None:
            return []
        if viewer_id is not None and relationships.block_between(conn, account_id, viewer_id) is not None:
            return []
        rows = collections.of_account(
            conn, account_id, every=viewer_id == account_id, limit=limit, offset=offset
        )
        return seen(conn, viewer_id, rows)

    return await server.db.read(unit)


async def featuring(
    server: Server, member: Member, account_id: int, *, limit: int, offset: int
) -> list[Collection]:
    """The collections in which a member is. Raises Forbidden for somebody else."""
    if account_id != member.account_id:
        raise Forbidden(NOT_ALLOWED)

    def unit(conn: Connection) -> list[Collection]:
        rows = collections.featuring(conn, account_id, limit=limit, offset=offset)
        return seen(conn, account_id, rows)

    return await server.db.read(unit)


# -- making them


async def create(server: Server, member: Member, draft: Draft, account_ids: Sequence[int]) -> Collection:
    """A new collection of these accounts. Raises Invalid, NotFound for an unknown account, Forbidden for one who
    does not want it."""

    def unit(conn: Connection) -> Collection:
        if collections.count_of(conn, member.account_id) >= COLLECTIONS_MAX:
            raise Invalid({}, f"Validation failed: You can have {COLLECTIONS_MAX} collections")
        wanted = list(dict.fromkeys(account_ids))
        if len(wanted) > ITEMS_MAX:
            raise Invalid({"account_ids": f"can be {ITEMS_MAX} at the most"})
        collection_id, now = new_id(), now_ms()
        uri = server.uris.collection(collection_id)
        values = {"language": "", "sensitive": False, "discoverable": True, "description": ""}
        values |= _values(conn, draft, new=True)
        collections.add(
            conn, collection_id, uri=uri, url=uri, account_id=member.account_id, local=True, created_at=now,
            updated_at=now, **values,
        )  # fmt: skip
        row = _existing(conn, collection_id)
        for account_id in wanted:
            _feature(conn, server, row, account_id)
        told.created(conn, server.publish, row)
        return seen(conn, member.account_id, [row])[0]

    return await server.db.write(unit)


async def change(server: Server, member: Member, collection_id: int, draft: Draft) -> Collection:
    """Change what a collection says of itself; whom it features here is told of it. Raises NotFound, Forbidden, Invalid."""

    def unit(conn: Connection) -> Collection:
        row = own(conn, member, collection_id)
        values = {name: value for name, value in _values(conn, draft).items() if getattr(row, name) != value}
        if values:
            collections.change(conn, collection_id, updated_at=now_ms(), **values)
            row = _existing(conn, collection_id)
            told.changed(conn, server.publish, row)
            if values.keys() & SIGNIFICANT:
                notify_of_change(conn, row)
        return seen(conn, member.account_id, [row])[0]

    return await server.db.write(unit)


SIGNIFICANT: Final = frozenset({"name", "description", "sensitive", "tag_id"})
"""What those who are featured should hear of when it changes."""


def notify_of_change(conn: Connection, row: CollectionRow) -> None:
    """Tell the members who are featured that a collection is about something else now."""
    for one in collections.items(conn, [row.id]).get(row.id, ()):
        featured = accounts.by_id(conn, one.account_id)
        if featured is not None and not featured.domain:
            notifications.notify(conn, featured.id, "collection_update", row.account_id, collection_id=row.id)


async def remove(server: Server, member: Member, collection_id: int) -> None:
    """Delete a collection. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        row = own(conn, member, collection_id)
        told.deleted(conn, server.publish, row)
        collections.remove(conn, row.id)

    await server.db.write(unit)


async def add_account(server: Server, member: Member, collection_id: int, account_id: int) -> ItemRow:
    """Feature an account, or ask it whether it agrees. Raises NotFound, Forbidden, Invalid."""

    def unit(conn: Connection) -> ItemRow:
        row = own(conn, member, collection_id)
        states = [one.state for one in collections.all_items(conn, row.id)]
        if sum(state in SHOWN_TO_OWNER for state in states) >= ITEMS_MAX:
            raise Invalid({}, f"Validation failed: A collection can have {ITEMS_MAX} accounts")
        item = _feature(conn, server, row, account_id)
        if item.state == "accepted":
            told.item_added(conn, server.publish, row, item)
        return item

    return await server.db.write(unit)


def _feature(conn: Connection, server: Server, row: CollectionRow, account_id: int) -> ItemRow:
    featured = accounts.by_id(conn, account_id)
    if featured is None or featured.deleted_at is not None:
        raise NotFound("Record not found")
    if not visibility.may_know(conn, featured, row.account_id):
        raise NotFound("Record not found")
    if not may_feature(conn, row.account_id, featured):
        raise Forbidden(CANNOT_BE_ADDED)
    known = collections.item_of(conn, row.id, account_id)
    if known is not None:
        if known.state in SHOWN_TO_OWNER:
            raise Invalid({}, "Validation failed: Account has already been taken")
        if known.state == "revoked":
            raise Forbidden(CANNOT_BE_ADDED)
        collections.remove_item(conn, known.id)
    here = not featured.domain
    item_id = new_id()
    collections.add_item(
        conn,
        row.id,
        item_id=item_id,
        account_id=account_id,
        state="accepted" if here else "pending",
        uri=server.uris.collection_item(row.id, item_id),
        object_uri=featured.uri,
        request_uri="" if here else server.uris.activity(item_id),
        approval_uri=server.uris.feature_authorization(item_id) if here else "",
    )
    item = collections.item(conn, item_id)
    assert item is not None
    if here:
        notifications.notify(conn, account_id, "added_to_collection", row.account_id, collection_id=row.id)
    else:
        told.requested(conn, server.publish, row, item)
    return item


async def remove_item(server: Server, member: Member, collection_id: int, item_id: int) -> None:
    """Feature an account no longer. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        row = own(conn, member, collection_id)
        item = _item(conn, row.id, item_id)
        told.item_removed(conn, server.publish, row, item)
        collections.remove_item(conn, item.id)

    await server.db.write(unit)


async def revoke(server: Server, member: Member, collection_id: int, item_id: int) -> None:
    """A member does not want to be in somebody's collection. Raises NotFound, Forbidden for another's item."""

    def unit(conn: Connection) -> None:
        row = _existing(conn, collection_id)
        item = _item(conn, row.id, item_id)
        if item.account_id != member.account_id:
            raise Forbidden(NOT_ALLOWED)
        collections.change_item(conn, item.id, state="revoked")
        if row.local:
            told.item_removed(conn, server.publish, row, item)
        told.authorization_withdrawn(conn, server.publish, row, item)

    await server.db.write(unit)


def forget_refused(conn: Connection) -> None:
    """Forget who has refused or left, after a day. A chore."""
    collections.forget_refused(conn, now_ms() - REFUSED_KEPT_MS)


# -- steps


def own(conn: Connection, member: Member, collection_id: int) -> CollectionRow:
    """A member's own collection. Raises NotFound, Forbidden."""
    row = _existing(conn, collection_id)
    if row.account_id != member.account_id:
        raise Forbidden(NOT_ALLOWED)
    return row


def _existing(conn: Connection, collection_id: int) -> CollectionRow:
    row = collections.by_id(conn, collection_id)
    if row is None:
        raise NotFound("Record not found")
    return row


def _item(conn: Connection, collection_id: int, item_id: int) -> ItemRow:
    item = collections.item(conn, item_id)
    if item is None or item.collection_id != collection_id:
        raise NotFound("Record not found")
    return item


def _values(conn: Connection, draft: Draft, *, new: bool = False) -> dict[str, Any]:
    """The columns to set. Raises Invalid."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    if draft.name is not None or new:
        name = clean_line(draft.name or "")
        if not name:
            problems["name"] = "can't be blank"
        elif len(name) > NAME_CHARACTERS_MAX:
            problems["name"] = f"is too long (maximum is {NAME_CHARACTERS_MAX} characters)"
        values["name"] = name
    if draft.description is not None:
        values["description"] = clean_text(draft.description)
        if len(values["description"]) > DESCRIPTION_CHARACTERS_MAX:
            problems["description"] = f"is too long (maximum is {DESCRIPTION_CHARACTERS_MAX} characters)"
    if draft.language is not None:
        language = language_tag(draft.language) if draft.language else ""
        if language is None or len(language) > 16:
            problems["language"] = "is not a language code such as en or pt-BR"
        values["language"] = language
    if draft.tag is not None:
        key = tag_key(draft.tag.strip().removeprefix("#"))
        if key and (not key.replace("_", "").isalnum() or len(key) > 100):
            problems["tag_name"] = "is not a hashtag"
        elif not problems:
            name = draft.tag.strip().removeprefix("#")
            values["tag_id"] = posts.tag_ids(conn, {key: name})[key] if key else None
    for name in ("sensitive", "discoverable"):
        value = getattr(draft, name)
        if value is not None:
            values[name] = value
    if problems:
        raise Invalid(problems)
    return values
