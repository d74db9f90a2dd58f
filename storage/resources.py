"""Resources: what a post of this kind has beside it, its facets, versions, files and sources.

Finding them is in `storage.resource_search`, uses and reviews in `storage.resource_reports`, shelves in `storage.shelves`,
drafts in `storage.resource_drafts`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from storage import kept_out
from storage.hot import insert_row, insert_rows
from storage.paging import Window
from storage.posts import PostRow
from storage.signals import signal
from storage.tables import (
    account,
    post,
    resource,
    resource_facet,
    resource_file,
    resource_relation,
    resource_version,
)
from storage.types import new_id, now_ms

RELATED_MAX: Final = 1_000  # resources that are looked through for what something is made from

# Attributes are the columns of `resource`, and those of its post and author that `_OF_POST` and `_OF_AUTHOR` name.
ResourceRow = Any
VersionRow = Any
FileRow = Any

_OF_POST: Final = (
    "id", "uri", "url", "account_id", "visibility", "title", "summary", "source_text", "content_html", "language", "group_id",
    "local", "replies_count", "likes_count", "boosts_count", "created_at", "edited_at", "deleted_at", "thread_id", "version",
)  # fmt: skip
_OF_AUTHOR: Final = ("username", "domain", "display_name")
# By another name, so that conditions on who may see a post can look at accounts by themselves.
AUTHOR: Final = account.alias("author")


class Facet(NamedTuple):
    """One value by which a resource can be found; without a `label` the value says it."""

    facet: str
    value: str
    label: str = ""


class NewFile(NamedTuple):
    """A file of a version that lies elsewhere."""

    name: str
    url: str
    media_type: str = ""
    file_bytes: int | None = None
    sha256: str = ""


def select_resources(*more: Any) -> Select[Any]:
    """Resources as `ResourceRow`s, with `more` columns behind; `post_version` is the post's own counter."""
    own = [column for column in resource.c if column.name != "post_id"]
    of_post = [post.c[name].label("post_version") if name == "version" else post.c[name] for name in _OF_POST]
    of_author = [AUTHOR.c[name] for name in _OF_AUTHOR]
    return (
        select(*of_post, *own, *of_author, *more)
        .join_from(resource, post, post.c.id == resource.c.post_id)
        .join(AUTHOR, AUTHOR.c.id == post.c.account_id)
    )


def by_id(conn: Connection, post_id: int | None) -> ResourceRow | None:
    if post_id is None:
        return None
    return conn.execute(select_resources().where(resource.c.post_id == post_id)).first()


def by_ids(conn: Connection, post_ids: Iterable[int]) -> dict[int, ResourceRow]:
    """Those that are resources, by id."""
    wanted = set(post_ids)
    if not wanted:
        return {}
    return {row.id: row for row in conn.execute(select_resources().where(resource.c.post_id.in_(wanted)))}


def shared(
    conn: Connection,
    window: Window,
    shown: ColumnElement[bool],
    *,
    account_id: int | None = None,
    group_id: int | None = None,
) -> list[ResourceRow]:
    """What an account shared, or what is in a group, the latest first and without what was withdrawn; `shown` is what the
    viewer may see of `post`."""
    query = (
        select(post.c.id)
        .join(resource, resource.c.post_id == post.c.id)
        .where(shown, resource.c.withdrawn_at.is_(None), post.c.deleted_at.is_(None))
    )
    if account_id is not None:
        query = query.where(post.c.account_id == account_id)
    if group_id is not None:
        query = query.where(post.c.group_id == group_id)
    ids = [row.id for row in window.rows(conn, query, post.c.id)]
    found = by_ids(conn, ids)
    return [found[one] for one in ids if one in found]


def put(conn: Connection, post_id: int, **columns: Any) -> None:
    """Keep what a post says as a resource, for the first time or anew."""
    if not insert_row(conn, resource, {"post_id": post_id, **columns}, unless_there=True):
        change(conn, post_id, **columns)


def remove(conn: Connection, post_id: int) -> None:
    """Forget that a post is a resource; the post stays."""
    leads_there = resource_relation.c.target_id == post_id
    conn.execute(update(resource_relation).where(leads_there).values(target_id=None))
    conn.execute(delete(resource).where(resource.c.post_id == post_id))


def change(conn: Connection, post_id: int, **columns: Any) -> None:
    """Set columns of what is beside the post; the post's own are `posts.change`'s."""
    conn.execute(update(resource).where(resource.c.post_id == post_id).values(**columns))
    signal(conn, "resource", str(post_id))


def add_to_counts(
    conn: Connection, post_id: int, *, uses: int = 0, reviews: int = 0, adaptations: int = 0
) -> None:
    """Move the counts; they never fall below nought."""
    changes = {
        column.name: case((column + delta > 0, column + delta), else_=0)
        for column, delta in (
            (resource.c.uses_count, uses),
            (resource.c.reviews_count, reviews),
            (resource.c.adaptations_count, adaptations),
        )
        if delta
    }
    if changes:
        conn.execute(update(resource).where(resource.c.post_id == post_id).values(**changes))
        signal(conn, "resource", str(post_id))


# -- facets


def put_facets(conn: Connection, post_id: int, facets: Iterable[Facet]) -> None:
    """Exactly these."""
    conn.execute(delete(resource_facet).where(resource_facet.c.post_id == post_id))
    rows = {(one.facet, one.value): one for one in facets if one.value}
    insert_rows(conn, resource_facet, [{**one._asdict(), "post_id": post_id} for one in rows.values()])


# -- what it is made from


def put_relations(conn: Connection, post_id: int, relations: Sequence[Mapping[str, Any]]) -> None:
    """Exactly these: rows with `uri`, `relation`, `title`, `licence`. What is known here of them is found, and counts them
    among its adaptations."""
    before = targets_of(conn, post_id)
    conn.execute(delete(resource_relation).where(resource_relation.c.post_id == post_id))
    known = _known(conn, [one["uri"] for one in relations])
    rows = [{**one, "post_id": post_id, "target_id": known.get(one["uri"])} for one in relations]
    insert_rows(conn, resource_relation, rows)
    after = targets_of(conn, post_id)
    for target_id in after - before:
        add_to_counts(conn, target_id, adaptations=1)
    for target_id in before - after:
        add_to_counts(conn, target_id, adaptations=-1)


def _known(conn: Connection, uris: Sequence[str]) -> dict[str, int]:
    """By address, or by the address of their page, the resources that are known here."""
    if not uris:
        return {}
    query = select(post.c.id, post.c.uri, post.c.url).join(resource, resource.c.post_id == post.c.id)
    found: dict[str, int] = {}
    for row in conn.execute(query.where(post.c.uri.in_(uris) | post.c.url.in_(uris))):
        found[row.uri] = found[row.url] = row.id
    return found


def targets_of(conn: Connection, post_id: int) -> set[int]:
    """The resources known here that this one is made from."""
    query = select(resource_relation.c.target_id).where(
        resource_relation.c.post_id == post_id,
        resource_relation.c.target_id.is_not(None),
        resource_relation.c.relation != "part",
    )
    return set(conn.scalars(query))


def adopt_relations(conn: Connection, post_id: int, uri: str, url: str) -> None:
    """A resource has arrived that others here say they are made from: they lead to it from now on."""
    waiting = resource_relation.c.target_id.is_(None) & resource_relation.c.uri.in_([uri, url])
    found = conn.execute(select(resource_relation.c.relation).where(waiting)).all()
    if found:
        conn.execute(update(resource_relation).where(waiting).values(target_id=post_id))
        add_to_counts(conn, post_id, adaptations=sum(one.relation != "part" for one in found))


def authors_of(conn: Connection, uris: Sequence[str]) -> list[int]:
    """Who wrote the resources at these addresses, as far as they are known here."""
    known = _known(conn, uris)
    if not known:
        return []
    return list(conn.scalars(select(post.c.account_id).where(post.c.id.in_(set(known.values()))).distinct()))


def is_made_from(conn: Connection, uri: str, post_id: int, addresses: Collection[str] = ()) -> bool:
    """Whether the resource at this address is made from another, at whatever remove; the other may be named by one of its
    `addresses` before it is known as `post_id`."""
    start = _known(conn, [uri]).get(uri)
    seen: set[int] = set()
    waiting = {start} if start is not None else set()
    while waiting and len(seen) < RELATED_MAX:
        if post_id in waiting:
            return True
        seen |= waiting
        query = select(resource_relation.c.target_id, resource_relation.c.uri)
        found = conn.execute(query.where(resource_relation.c.post_id.in_(waiting))).all()
        if any(row.uri in addresses for row in found):
            return True
        waiting = {row.target_id for row in found if row.target_id is not None} - seen
    return False


# -- versions and files


def add_version(
    conn: Connection,
    post_id: int,
    number: str,
    *,
    notes: str = "",
    doi: str = "",
    created_at: int | None = None,
) -> int:
    """A new version, which is the newest from now on; its id."""
    version_id = new_id(created_at)
    conn.execute(
        insert(resource_version).values(
            id=version_id,
            post_id=post_id,
            number=number,
            notes=notes,
            doi=doi,
            created_at=created_at or now_ms(),
        )
    )
    conn.execute(
        update(resource)
        .where(resource.c.post_id == post_id)
        .values(version=number, versions_count=resource.c.versions_count + 1)
    )
    return version_id


def versions(conn: Connection, post_id: int) -> list[VersionRow]:
    """The versions of a resource, newest first."""
    return versions_of(conn, [post_id]).get(post_id, [])


def versions_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[VersionRow]]:
    """The versions of these resources, newest first, by resource."""
    query = select(resource_version).where(resource_version.c.post_id.in_(set(post_ids)))
    found: dict[int, list[VersionRow]] = {}
    for row in conn.execute(
        query.order_by(resource_version.c.created_at.desc(), resource_version.c.id.desc())
    ):
        found.setdefault(row.post_id, []).append(row)
    return found


def version(conn: Connection, post_id: int, number: str) -> VersionRow | None:
    return conn.execute(
        select(resource_version).where(
            resource_version.c.post_id == post_id, resource_version.c.number == number
        )
    ).first()


def change_version(conn: Connection, version_id: int, **columns: Any) -> None:
    """Set notes, doi."""
    conn.execute(update(resource_version).where(resource_version.c.id == version_id).values(**columns))


def add_links(
    conn: Connection, post_id: int, version_id: int, account_id: int, files: Sequence[NewFile]
) -> None:
    """Files of a version that lie elsewhere, behind those it has."""
    number = conn.scalar(
        select(func.count()).select_from(resource_file).where(resource_file.c.version_id == version_id)
    )
    now = now_ms()
    insert_rows(
        conn,
        resource_file,
        [
            {**one._asdict(), "id": new_id(now), "post_id": post_id, "version_id": version_id, "account_id": account_id,
             "position": (number or 0) + at, "created_at": now}
            for at, one in enumerate(files)
        ],
    )  # fmt: skip


def put_links(
    conn: Connection, post_id: int, version_id: int, account_id: int, files: Sequence[NewFile]
) -> None:
    """Exactly these files elsewhere, beside those of the version that are here."""
    known = conn.execute(
        select(*(resource_file.c[name] for name in NewFile._fields))
        .where(resource_file.c.version_id == version_id, resource_file.c.store_key == "")
        .order_by(resource_file.c.position)
    )
    if [NewFile(*one) for one in known] == list(files):
        return
    conn.execute(
        delete(resource_file).where(resource_file.c.version_id == version_id, resource_file.c.store_key == "")
    )
    add_links(conn, post_id, version_id, account_id, files)


def take_files(
    conn: Connection, post_id: int, version_id: int, account_id: int, file_ids: Sequence[int]
) -> int:
    """Files that the member has sent become those of a version, in this order; how many could."""
    taken = 0
    for position, file_id in enumerate(dict.fromkeys(file_ids)):
        done = conn.execute(
            update(resource_file)
            .where(
                resource_file.c.id == file_id,
                resource_file.c.account_id == account_id,
                resource_file.c.post_id.is_(None),
            )
            .values(post_id=post_id, version_id=version_id, position=position)
        )
        taken += done.rowcount
    return taken


def files(conn: Connection, post_id: int) -> dict[int, list[FileRow]]:
    """The files of a resource in order, by version."""
    query = select(resource_file).where(resource_file.c.post_id == post_id)
    found: dict[int, list[FileRow]] = {}
    for row in conn.execute(query.order_by(resource_file.c.position, resource_file.c.id)):
        found.setdefault(row.version_id, []).append(row)
    return found


def newest_files(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[FileRow]]:
    """The files of the newest version of each of these resources."""
    query = (
        select(resource_file)
        .join(resource_version, resource_version.c.id == resource_file.c.version_id)
        .join(
            resource,
            (resource.c.post_id == resource_version.c.post_id)
            & (resource.c.version == resource_version.c.number),
        )
        .where(resource.c.post_id.in_(set(post_ids)))
        .order_by(resource_file.c.position, resource_file.c.id)
    )
    found: dict[int, list[FileRow]] = {}
    for row in conn.execute(query):
        found.setdefault(row.post_id, []).append(row)
    return found


def remove_files(conn: Connection, post_id: int) -> list[str]:
    """Forget all files of a resource that goes; the keys under which they lie."""
    keys = conn.scalars(
        select(resource_file.c.store_key).where(
            resource_file.c.post_id == post_id, resource_file.c.store_key != ""
        )
    ).all()
    conn.execute(delete(resource_file).where(resource_file.c.post_id == post_id))
    return list(keys)


# -- the library as other servers read it


class InLibrary(NamedTuple):
    """The post of a resource of this server, and when that was changed last."""

    post: PostRow
    changed_at: int


def _in_library() -> tuple[Any, ...]:
    return (
        post.c.local,
        post.c.visibility == "public",
        post.c.deleted_at.is_(None),
        kept_out.shows(account),
        account.c.deleted_at.is_(None),
    )


def count_in_library(conn: Connection) -> int:
    """How many public resources of members of this server there are."""
    query = (
        select(func.count())
        .select_from(resource)
        .join(post, post.c.id == resource.c.post_id)
        .join(account, account.c.id == post.c.account_id)
    )
    return conn.scalar(query.where(*_in_library())) or 0


def library(
    conn: Connection, before_ms: int | None = None, max_id: int | None = None, *, limit: int
) -> list[InLibrary]:
    """Public resources of members of this server, those first that were changed last: with both, those changed before that
    instant, and of those changed just then the ones with a lower id."""
    query = (
        select(post, resource.c.changed_at)
        .join_from(resource, post, post.c.id == resource.c.post_id)
        .join(account, account.c.id == post.c.account_id)
        .where(*_in_library())
    )
    if before_ms is not None and max_id is not None:
        earlier = resource.c.changed_at < before_ms
        query = query.where(
            or_(earlier, and_(resource.c.changed_at == before_ms, resource.c.post_id < max_id))
        )
    query = query.order_by(resource.c.changed_at.desc(), resource.c.post_id.desc()).limit(limit)
    return [InLibrary(row, row.changed_at) for row in conn.execute(query)]


# -- doubles


def same_work(
    conn: Connection, *, doi: str = "", page_url: str = "", source_uri: str = "", title_key: str = ""
) -> list[Any]:
    """Resources that may be the same work, the surest first: rows of (id, url, title, by), where `by` says what they share:
    source, doi, url or title."""
    ways = (
        ("source", resource.c.source_uri, source_uri),
        ("doi", resource.c.doi, doi),
        ("url", resource.c.page_url, page_url),
        ("title", resource.c.title_key, title_key),
    )
    found: dict[int, Any] = {}
    for by, column, value in ways:
        if value:
            query = (
                select(
                    post.c.id,
                    post.c.url,
                    post.c.title,
                    post.c.visibility,
                    post.c.account_id,
                    literal(by).label("by"),
                )
                .join(resource, resource.c.post_id == post.c.id)
                .where(column == value, post.c.deleted_at.is_(None))
                .order_by(post.c.id)
                .limit(10)
            )
            for row in conn.execute(query):
                found.setdefault(row.id, row)
    return list(found.values())
