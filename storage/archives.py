"""Archives that groups take over: the runs, the people in them, which messages have come, who claims a name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    String,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from storage.hot import Hot, insert_rows
from storage.paging import Window
from storage.tables import (
    account,
    archive_claim,
    archive_import,
    archive_person,
    archive_post,
    group,
    group_thread,
    media,
    post,
)
from storage.tables.archives import NAMES_DOMAIN
from storage.types import AnyOf, new_id, now_ms

ImportRow = Row[Any]
PersonRow = Any

# -- runs


def begin(
    conn: Connection,
    group_id: int,
    *,
    by_id: int | None,
    source: str,
    name: str,
    digest: str,
    options: str,
) -> int:
    """A run that waits; its id."""
    run_id, now = new_id(), now_ms()
    conn.execute(
        insert(archive_import).values(
            id=run_id, group_id=group_id, by_id=by_id, source=source, name=name, digest=digest, options=options,
            state="waiting", created_at=now, updated_at=now,
        )
    )  # fmt: skip
    return run_id


def unfinished(conn: Connection, group_id: int, digest: str, options: str) -> ImportRow | None:
    """The run of the same archive into the same group that was cut off, if there is one."""
    query = select(archive_import).where(
        archive_import.c.group_id == group_id,
        archive_import.c.digest == digest,
        archive_import.c.options == options,
        archive_import.c.state != "done",
    )
    return conn.execute(query.order_by(archive_import.c.id.desc()).limit(1)).first()


def count_open(conn: Connection, group_id: int) -> int:
    """How many runs of a group are not over."""
    query = select(func.count()).select_from(archive_import)
    is_open = archive_import.c.state.in_(["waiting", "running"])
    return conn.scalar(query.where(archive_import.c.group_id == group_id, is_open)) or 0


def run_by_id(conn: Connection, run_id: int) -> ImportRow | None:
    return conn.execute(select(archive_import).where(archive_import.c.id == run_id)).first()


def runs_of(conn: Connection, group_id: int, window: Window) -> list[ImportRow]:
    """The runs of a group, newest first."""
    query = select(archive_import).where(archive_import.c.group_id == group_id)
    return window.rows(conn, query, archive_import.c.id)


def change_run(conn: Connection, /, run_id: int, **columns: Any) -> None:
    conn.execute(
        update(archive_import).where(archive_import.c.id == run_id).values(updated_at=now_ms(), **columns)
    )


def count_run(
    conn: Connection, run_id: int, *, added: int, known: int, files_added: int, **columns: Any
) -> None:
    """Count what a batch has brought, and set columns of the run."""
    change_run(
        conn,
        run_id,
        added=archive_import.c.added + added,
        known=archive_import.c.known + known,
        files_added=archive_import.c.files_added + files_added,
        **columns,
    )


def hold(conn: Connection, group_id: int) -> None:
    """Let no other unit bring messages into this group until this one has committed (PostgreSQL; SQLite has one writer)."""
    conn.execute(select(group.c.account_id).where(group.c.account_id == group_id).with_for_update()).first()


# -- messages that have come

_known: Hot[Any] = Hot(
    lambda: select(archive_post.c.external_id, archive_post.c.post_id, archive_post.c.is_missing).where(
        archive_post.c.group_id == bindparam("group_id"),
        AnyOf(archive_post.c.external_id, bindparam("external_ids")),
    )
)


def known(conn: Connection, group_id: int, external_ids: Collection[str]) -> dict[str, Any]:
    """Rows (external_id, post_id, is_missing) of what has come, or what something that has come answers, by external
    id. `post_id` is None once the post was deleted."""
    rows = _known.run(conn, group_id=group_id, external_ids=list(external_ids))
    return {row.external_id: row for row in rows}


def put_known(
    conn: Connection, group_id: int, come: Mapping[str, int], missing: Mapping[str, int] | None = None
) -> None:
    """These have come (external id to post); and these have not, but a post answers them."""
    ids = list(come)
    if ids:  # one that was missing before is there now
        conn.execute(
            delete(archive_post).where(
                archive_post.c.group_id == group_id,
                archive_post.c.external_id.in_(ids),
                archive_post.c.is_missing,
            )
        )
    insert_rows(conn, archive_post, _rows(group_id, come, is_missing=False))
    insert_rows(conn, archive_post, _rows(group_id, missing or {}, is_missing=True), unless_there=True)


def _rows(group_id: int, posts: Mapping[str, int], *, is_missing: bool) -> list[dict[str, Any]]:
    return [
        {"group_id": group_id, "external_id": external_id, "post_id": post_id, "is_missing": is_missing}
        for external_id, post_id in posts.items()
    ]


def put_posts(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New posts, all with the same columns of the table; counts are the caller's."""
    insert_rows(conn, post, rows)


def put_threads(conn: Connection, group_id: int, threads: Sequence[tuple[int, str, int]]) -> None:
    """Posts (id, title of the thread, instant) that begin threads of a group; counts are the caller's."""
    insert_rows(
        conn,
        group_thread,
        [
            {
                "post_id": post_id,
                "group_id": group_id,
                "title": title,
                "last_post_id": post_id,
                "last_activity_at": at,
            }
            for post_id, title, at in threads
        ],
    )


def grow_threads(conn: Connection, threads: Sequence[tuple[int, int, int, int]]) -> None:
    """Threads (id) have so many more posts, the last of them (id, instant)."""
    later = group_thread.c.last_activity_at <= bindparam("at")
    _many(
        conn,
        update(group_thread)
        .where(group_thread.c.post_id == bindparam("one"))
        .values(
            replies_count=group_thread.c.replies_count + bindparam("more"),
            last_post_id=case((later, bindparam("last")), else_=group_thread.c.last_post_id),
            last_activity_at=case((later, bindparam("at")), else_=group_thread.c.last_activity_at),
        ),
        [{"one": one, "more": more, "last": last, "at": at} for one, more, last, at in threads],
    )


def count_posts(conn: Connection, by_account: Mapping[int, tuple[int, int]]) -> None:
    """Count so many more posts of each account, the latest of them of an instant."""
    later = case(
        (func.coalesce(account.c.last_posted_at, 0) < bindparam("at"), bindparam("at")),
        else_=account.c.last_posted_at,
    )
    _many(
        conn,
        update(account)
        .where(account.c.id == bindparam("one"))
        .values(posts_count=account.c.posts_count + bindparam("more"), last_posted_at=later),
        [{"one": one, "more": more, "at": at} for one, (more, at) in by_account.items()],
    )


def count_answers(conn: Connection, by_post: Mapping[int, int]) -> None:
    """So many more answers to each post."""
    _many(
        conn,
        update(post)
        .where(post.c.id == bindparam("one"))
        .values(replies_count=post.c.replies_count + bindparam("more")),
        [{"one": one, "more": more} for one, more in by_post.items()],
    )


def _many(conn: Connection, statement: Any, parameters: list[dict[str, Any]]) -> None:
    if parameters:
        conn.execute(statement, parameters)


# -- people


def people(conn: Connection, group_id: int, external_ids: Iterable[str]) -> dict[str, PersonRow]:
    """Those who are known in this group, by external id."""
    wanted = list(external_ids)
    if not wanted:
        return {}
    query = select(archive_person).where(
        archive_person.c.group_id == group_id, archive_person.c.external_id.in_(wanted)
    )
    return {row.external_id: row for row in conn.execute(query)}


def add_people(
    conn: Connection, accounts: Sequence[Mapping[str, Any]], people: Sequence[Mapping[str, Any]]
) -> None:
    """New people, with the accounts that stand for them."""
    insert_rows(conn, account, accounts)
    insert_rows(conn, archive_person, people)


def change_person(conn: Connection, person_id: int, **columns: Any) -> None:
    conn.execute(update(archive_person).where(archive_person.c.id == person_id).values(**columns))


def person_by_id(conn: Connection, person_id: int) -> PersonRow | None:
    return conn.execute(select(archive_person).where(archive_person.c.id == person_id)).first()


def group_of_name(conn: Connection, account_id: int) -> int | None:
    """The group in whose archive the name stands that an account is for."""
    query = select(archive_person.c.group_id).where(archive_person.c.account_id == account_id)
    group_id: int | None = conn.scalar(query)
    return group_id


def unclaimed(conn: Connection, group_id: int, window: Window) -> list[Row[Any]]:
    """People of a group whom nobody has claimed, with `posts_count`, newest first."""
    written = (
        select(func.count())
        .select_from(post)
        .where(post.c.account_id == archive_person.c.account_id)
        .scalar_subquery()
    )
    query = select(archive_person, written.label("posts_count")).where(
        archive_person.c.group_id == group_id, archive_person.c.claimed_by_id.is_(None)
    )
    return window.rows(conn, query, archive_person.c.id)


def with_email(conn: Connection, email_digest: bytes, group_ids: Iterable[int]) -> list[PersonRow]:
    """Unclaimed people of these groups with this address."""
    query = select(archive_person).where(
        archive_person.c.email_digest == email_digest,
        archive_person.c.claimed_by_id.is_(None),
        archive_person.c.group_id.in_(list(group_ids)),
    )
    return list(conn.execute(query))


def claimed(conn: Connection, person_id: int, account_id: int) -> bool:
    """Note whose name it is. Whether nobody's it was before."""
    done = conn.execute(
        update(archive_person)
        .where(archive_person.c.id == person_id, archive_person.c.claimed_by_id.is_(None))
        .values(claimed_by_id=account_id, claimed_at=now_ms())
    )
    conn.execute(delete(archive_claim).where(archive_claim.c.person_id == person_id))
    return bool(done.rowcount)


def posts_of_name(conn: Connection, account_id: int, *, limit: int) -> list[int]:
    """Some posts that a name still has."""
    query = select(post.c.id).where(post.c.account_id == account_id).order_by(post.c.id).limit(limit)
    return list(conn.scalars(query))


def give_posts(conn: Connection, post_ids: Sequence[int], account_id: int, page: str) -> None:
    """These posts are written by this account, which is one of this server; `page` is what their addresses begin with."""
    conn.execute(
        update(post)
        .where(post.c.id.in_(post_ids))
        .values(
            account_id=account_id,
            local=True,
            url=literal(page) + cast(post.c.id, String),
            version=post.c.version + 1,
        )
    )
    conn.execute(update(media).where(media.c.post_id.in_(post_ids)).values(account_id=account_id))
    conn.execute(
        update(post)
        .where(post.c.in_reply_to_id.in_(post_ids))
        .values(in_reply_to_account_id=account_id, version=post.c.version + 1)
    )


def forget_name(conn: Connection, account_id: int) -> None:
    """Remove an account that stands for a name, once it has no posts."""
    conn.execute(
        delete(account).where(
            account.c.id == account_id,
            account.c.domain == NAMES_DOMAIN,
            ~exists().where(post.c.account_id == account_id),
        )
    )


# -- claims


def add_claim(conn: Connection, person_id: int, account_id: int) -> bool:
    """A member says that a name is theirs. Whether they had not said so before."""
    values = {"id": new_id(), "person_id": person_id, "account_id": account_id, "created_at": now_ms()}
    there = exists().where(archive_claim.c.person_id == person_id, archive_claim.c.account_id == account_id)
    if conn.scalar(select(there)):
        return False
    conn.execute(insert(archive_claim).values(values))
    return True


def claim_by_id(conn: Connection, claim_id: int) -> Row[Any] | None:
    """Columns of the claim, and `group_id`."""
    query = (
        select(archive_claim, archive_person.c.group_id, archive_person.c.name)
        .join(archive_person, archive_person.c.id == archive_claim.c.person_id)
        .where(archive_claim.c.id == claim_id)
    )
    return conn.execute(query).first()


def claims_of(conn: Connection, group_id: int, window: Window) -> list[Row[Any]]:
    """What waits for the owners of a group: columns of the claim, the `name`, and whose claim it is (`username`,
    `display_name`), newest first."""
    query = (
        select(archive_claim, archive_person.c.name, account.c.username, account.c.display_name)
        .join_from(archive_claim, archive_person, archive_person.c.id == archive_claim.c.person_id)
        .join(account, account.c.id == archive_claim.c.account_id)
        .where(archive_person.c.group_id == group_id)
    )
    return window.rows(conn, query, archive_claim.c.id)


def remove_claim(conn: Connection, claim_id: int) -> None:
    conn.execute(delete(archive_claim).where(archive_claim.c.id == claim_id))
