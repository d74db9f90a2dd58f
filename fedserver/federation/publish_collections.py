"""What other servers hear of a member's collections, and of being featured in theirs (FEP-7aa9).

Units. Followers of the owner hear of a collection, and so do those whom it features.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from activitypub.builders import activity, featured
from activitypub.names import PUBLIC
from fedserver.federation.documents import Document, moment_of
from fedserver.federation.publish import Publisher
from storage import accounts, collections
from storage.accounts import AccountRow
from storage.collections import CollectionRow, ItemRow
from storage.types import new_id, now_ms

COLLECTIONS_MAX: Final = 100


def document(
    conn: Connection, publish: Publisher, row: CollectionRow, *, owner: AccountRow | None = None
) -> Document:
    """A collection of ours with those who agreed to be in it."""
    owner = owner or accounts.by_id(conn, row.account_id)
    assert owner is not None
    return featured.collection(
        featured.CollectionFields(
            uri=row.uri,
            url=row.url,
            attributed_to=owner.uri,
            name=row.name,
            summary=row.description,
            published=moment_of(row.created_at),
            updated=moment_of(row.updated_at),
            language=row.language or None,
            sensitive=row.sensitive,
            discoverable=row.discoverable,
            topic=(row.tag_name, publish.uris.tag(row.tag_key)) if row.tag_id is not None else None,
            items=[_fields(one) for one in collections.items(conn, [row.id]).get(row.id, ())],
        )
    )


def all_of(conn: Connection, publish: Publisher, row: AccountRow, *, page: bool) -> Document:
    """The collections that a member shows, newest first: the list itself, or its one page."""
    uri = publish.documents.actor_uris(row).featured_collections
    rows = collections.of_account(conn, row.id, every=False, limit=COLLECTIONS_MAX)
    if not page:
        return activity.collection(uri, total=len(rows), first=f"{uri}?page=true")
    items = [document(conn, publish, one, owner=row) for one in rows]
    return activity.collection_page(f"{uri}?page=true", part_of=uri, items=items, total=len(rows))


def item_document(item: ItemRow) -> Document:
    """An item of a collection of ours."""
    return featured.item(_fields(item))


def authorization(publish: Publisher, row: CollectionRow, item: ItemRow) -> Document:
    """A member's consent to be in a collection."""
    return featured.authorization(
        publish.uris.feature_authorization(item.id), featured=item.object_uri, collection=row.uri
    )


# -- a member's own collection


def created(conn: Connection, publish: Publisher, row: CollectionRow) -> None:
    """There is a new one."""
    owner = _account(conn, row.account_id)
    uris = publish.documents.actor_uris(owner)
    said = activity.add(
        publish.uris.activity(new_id()),
        actor=owner.uri,
        item=document(conn, publish, row, owner=owner),
        target=uris.featured_collections,
        to=[PUBLIC],
        cc=[uris.followers],
    )
    publish.to_followers(conn, owner, said, topic=row.uri)


def changed(conn: Connection, publish: Publisher, row: CollectionRow) -> None:
    """It says something else of itself."""
    owner = _account(conn, row.account_id)
    said = featured.update(
        publish.uris.activity(new_id()),
        document(conn, publish, row, owner=owner),
        cc=[publish.documents.actor_uris(owner).followers],
    )
    publish.to_followers(conn, owner, said, topic=row.uri, also_ids=_featured_ids(conn, row))


def deleted(conn: Connection, publish: Publisher, row: CollectionRow) -> None:
    """It is about to be deleted."""
    owner = _account(conn, row.account_id)
    uris = publish.documents.actor_uris(owner)
    said = activity.remove(
        publish.uris.activity(new_id()),
        actor=owner.uri,
        item=row.uri,
        target=uris.featured_collections,
        to=[PUBLIC],
        cc=[uris.followers],
    )
    publish.to_followers(conn, owner, said, topic=row.uri, also_ids=_featured_ids(conn, row))


def item_added(conn: Connection, publish: Publisher, row: CollectionRow, item: ItemRow) -> None:
    """Somebody has agreed to be in it."""
    owner = _account(conn, row.account_id)
    said = activity.add(
        publish.uris.activity(new_id()),
        actor=owner.uri,
        item=item_document(item),
        target=row.uri,
        to=[PUBLIC],
        cc=[publish.documents.actor_uris(owner).followers],
    )
    publish.to_followers(conn, owner, said, topic=row.uri, also_ids=_featured_ids(conn, row))


def item_removed(conn: Connection, publish: Publisher, row: CollectionRow, item: ItemRow) -> None:
    """Somebody is in it no longer."""
    owner = _account(conn, row.account_id)
    said = activity.remove(
        publish.uris.activity(new_id()),
        actor=owner.uri,
        item=item.uri,
        target=row.uri,
        to=[PUBLIC],
        cc=[publish.documents.actor_uris(owner).followers],
    )
    also = {*_featured_ids(conn, row), *([item.account_id] if item.account_id is not None else ())}
    publish.to_followers(conn, owner, said, topic=row.uri, also_ids=sorted(also))


def requested(conn: Connection, publish: Publisher, row: CollectionRow, item: ItemRow) -> None:
    """A member wants to feature somebody elsewhere."""
    owner = _account(conn, row.account_id)
    said = featured.request(item.request_uri, actor=owner.uri, featured=item.object_uri, collection=row.uri)
    publish.to_person(conn, owner, item.account_id, said, topic=item.request_uri)


# -- members in others' collections


def answered(
    conn: Connection,
    publish: Publisher,
    member: AccountRow,
    owner: AccountRow,
    request_uri: str,
    authorization_uri: str | None,
) -> None:
    """A member agrees to be in a collection elsewhere, by that consent, or does not."""
    asked = activity.echo(request_uri, kind="FeatureRequest", actor=owner.uri, target=member.uri)
    uri = publish.uris.activity(new_id())
    if authorization_uri is None:
        said = activity.reject(uri, actor=member.uri, request=asked)
    else:
        said = activity.accept(uri, actor=member.uri, request=asked, result=authorization_uri)
    publish.to_person(conn, member, owner.id, said, topic=request_uri)


def authorization_withdrawn(conn: Connection, publish: Publisher, row: CollectionRow, item: ItemRow) -> None:
    """A member has taken themselves out: the owner of the collection, and who follows them, can know."""
    member, owner = _account(conn, item.account_id), _account(conn, row.account_id)
    said = featured.withdrawal(
        f"{publish.uris.feature_authorization(item.id)}#delete-{now_ms()}",
        actor=member.uri,
        authorization=authorization(publish, row, item),
        owner=owner.uri,
    )
    publish.to_followers(conn, member, said, topic=row.uri, also_ids=[owner.id])


def _featured_ids(conn: Connection, row: CollectionRow) -> list[int]:
    return [
        one.account_id
        for one in collections.all_items(conn, row.id)
        if one.account_id is not None and one.state in collections.SHOWN_TO_OWNER
    ]


def _account(conn: Connection, account_id: int) -> AccountRow:
    row = accounts.by_id(conn, account_id)
    assert row is not None
    return row


def _fields(item: ItemRow) -> featured.ItemFields:
    return featured.ItemFields(
        uri=item.uri,
        featured=item.object_uri,
        authorization=item.approval_uri,
        published=moment_of(item.created_at),
    )
