"""The words by which posts and accounts are found, and finding them, newest first and best known first.

A post's words go into one text index (FTS5, or GIN over a tsvector) together with its marks: words that no text can
have, because they begin with `_`, for what else one may ask for: `_image`, `_reply`, `_lang_pt`, `_by_17`. A
query is then one look into the index, read from the newest id down, and stops when the page is full.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    cast,
    collate,
    column,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from storage import kept_out
from storage.group_ties import known_to
from storage.hot import Hot, insert_row, insert_rows
from storage.tables import account, account_word, follow, hashtag, instance, post, post_tag, post_words
from storage.tables.archives import NAMES_DOMAIN
from storage.words import Sought, sought, words_of

WORDS_MAX: Final = 12_000
HOSTS_COUNTED_MAX: Final = 200
"""Of one post. PostgreSQL knows positions up to 16,383."""

ANY_POST: Final = "_post"
"""The mark of every post, for queries that only leave out."""

_APART: Final = "_"  # between the parts of a post, so that no phrase reaches from one into another
_fts = table("post_fts", column("rowid"))


class Clause(NamedTuple):
    """One thing that must be in a post, or must not: words in a row, or a mark."""

    sought: Sought
    wanted: bool = True


def mark(kind: str, value: str | int = "") -> str:
    """The mark for a kind of post (`image`), or for a kind with a value (`lang`, `pt`)."""
    return f"_{kind}_{value}" if value != "" else f"_{kind}"


# -- writing


def put_post(conn: Connection, post_id: int, parts: Iterable[str], marks: Collection[str]) -> None:
    """Exactly these texts and marks are what a post is found by."""
    remove_post(conn, post_id)
    put_new_post(conn, post_id, parts, marks)


def put_new_post(conn: Connection, post_id: int, parts: Iterable[str], marks: Collection[str]) -> None:
    """The same for a post that has no words yet."""
    words = _document(conn.dialect.name, _words(parts), marks)
    insert_row(conn, post_words, {"post_id": post_id, "words": words}, unless_there=True)


def put_new_posts(conn: Connection, documents: Iterable[tuple[int, Iterable[str], Collection[str]]]) -> None:
    """The same for many: id, texts and marks of each."""
    dialect = conn.dialect.name
    rows = [
        {"post_id": post_id, "words": _document(dialect, _words(parts), marks)}
        for post_id, parts, marks in documents
    ]
    insert_rows(conn, post_words, rows, unless_there=True)


def remove_post(conn: Connection, post_id: int) -> None:
    """The post is found by nothing any more; goes by itself when the post goes."""
    conn.execute(delete(post_words).where(post_words.c.post_id == post_id))


def _words(parts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        words = words_of(part)
        if words:
            found += words
            found.append(_APART)
    return found[:WORDS_MAX]


def _document(dialect_name: str, words: Sequence[str], marks: Collection[str]) -> str:
    """The words as the column takes them: nothing in them needs quoting, being letters, digits and `_`."""
    if dialect_name == "sqlite":
        return " ".join([*words, ANY_POST, *marks])
    placed = [f"'{word}':{at}" for at, word in enumerate(words, 1) if word != _APART]
    return " ".join([*placed, f"'{ANY_POST}'", *(f"'{one}'" for one in marks)])


def without_words(conn: Connection, below_id: int, *, limit: int, every: bool = False) -> list[Row[Any]]:
    """The next posts, newest first, that no words are kept of; with `every` those too of which there are."""
    query = select(post).where(post.c.id < below_id, post.c.kind != "boost", post.c.deleted_at.is_(None))
    if not every:
        query = query.where(~exists().where(post_words.c.post_id == post.c.id))
    return list(conn.execute(query.order_by(post.c.id.desc()).limit(limit)))


# -- finding posts

Scope = Literal["all", "library", "public"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which ids are asked for: above and below (both exclusive), and none of the `holes` [first, end)."""

    above: int
    below: int
    holes: tuple[tuple[int, int], ...] = ()


def posts(
    conn: Connection,
    clauses: Sequence[Clause],
    shown: Any,
    bounds: Bounds,
    *,
    limit: int,
    offset: int = 0,
    ascending: bool = False,
    **parameters: Any,
) -> list[int]:
    """Ids of the posts with all that is wanted and nothing that is not, newest first.

    `shown` makes the condition over `post` that says which may be found; it is asked once for a shape of query, so
    what differs between two calls with the same function goes into `parameters`.
    """
    holes = {
        name: value
        for number, (first, end) in enumerate(bounds.holes)
        for name, value in ((f"from_{number}", first), (f"until_{number}", end))
    }
    statement = _posts(shown, len(bounds.holes), ascending, conn.dialect.name)
    rows = statement.run(
        conn,
        sought=_query(conn.dialect.name, clauses),
        above=bounds.above,
        below=bounds.below,
        size=limit,
        skip=offset,
        **holes,
        **parameters,
    )
    found = [row[0] for row in rows]
    return found[::-1] if ascending else found


@lru_cache(maxsize=64)
def _posts(shown: Any, holes: int, ascending: bool, dialect_name: str) -> Hot[Any]:
    return Hot(lambda: _select_posts(shown, holes, ascending, dialect_name), tuple, packed=True)


def _select_posts(shown: Any, holes: int, ascending: bool, dialect_name: str) -> Select[Any]:
    row_id, matches = _matches(dialect_name, bindparam("sought"))
    # As CASE: the index is read in the order of ids, and each post looked up in turn, only until the page is full.
    found = exists().where(post.c.id == row_id, shown()).correlate_except(post)
    query = select(row_id.label("id")).where(
        matches, row_id > bindparam("above"), row_id < bindparam("below"), case((found, True), else_=False)
    )
    for number in range(holes):
        first: BindParameter[int] = bindparam(f"from_{number}")
        end: BindParameter[int] = bindparam(f"until_{number}")
        query = query.where(or_(row_id < first, row_id >= end))
    order = row_id.asc() if ascending else row_id.desc()
    return query.order_by(order).limit(bindparam("size")).offset(bindparam("skip"))


def _matches(dialect_name: str, wanted: Any) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """The id of a post in the index, and the condition that what is wanted is in it."""
    if dialect_name == "sqlite":
        return _fts.c.rowid, literal_column("post_fts").op("MATCH", is_comparison=True)(wanted)
    matches = cast(post_words.c.words, TSVECTOR).op("@@", is_comparison=True)(cast(wanted, TSQUERY))
    return post_words.c.post_id, matches


def matching(dialect_name: str, clauses: Sequence[Clause]) -> Select[Any]:
    """The ids of posts with all that is wanted and nothing that is not, as a part of another query."""
    row_id, matches = _matches(dialect_name, literal(_query(dialect_name, clauses)))
    return select(row_id).where(matches)


def of_kind(
    conn: Connection,
    kind: str,
    clauses: Sequence[Clause],
    shown: ColumnElement[bool],
    bounds: Bounds,
    *,
    limit: int,
    offset: int = 0,
) -> list[int]:
    """Ids of the posts of this kind with all that is wanted, newest first, of those that `shown` holds for."""
    query = select(post.c.id).where(
        post.c.kind == kind,
        post.c.id.in_(matching(conn.dialect.name, clauses)),
        post.c.id > bounds.above,
        post.c.id < bounds.below,
        shown,
    )
    return list(conn.scalars(query.order_by(post.c.id.desc()).limit(limit).offset(offset)))


def _query(dialect_name: str, clauses: Sequence[Clause]) -> str:
    wanted = [one.sought for one in clauses if one.wanted] or [Sought((ANY_POST,))]
    unwanted = [one.sought for one in clauses if not one.wanted]
    if dialect_name == "sqlite":
        text = " AND ".join(map(_fts5, wanted))
        return f"({text}) NOT ({' OR '.join(map(_fts5, unwanted))})" if unwanted else text
    return " & ".join([*map(_tsquery, wanted), *(f"!({_tsquery(one)})" for one in unwanted)])


def _fts5(one: Sought) -> str:
    return f'"{" ".join(one.words)}"' + ("*" if one.begun else "")


def _tsquery(one: Sought) -> str:
    last = len(one.words) - 1
    return (
        "("
        + " <-> ".join(
            f"'{word}'" + (":*" if one.begun and at == last else "") for at, word in enumerate(one.words)
        )
        + ")"
    )


# -- finding accounts


def put_account(conn: Connection, account_id: int, username: str, display_name: str) -> None:
    """Exactly the words of these names, and the user name as it is, are what an account is found by."""
    words = {username.casefold(), *words_of(username), *words_of(display_name)}
    conn.execute(delete(account_word).where(account_word.c.account_id == account_id))
    insert_rows(conn, account_word, [{"word": word, "account_id": account_id} for word in sorted(words)])


def accounts_without_words(
    conn: Connection, below_id: int, *, limit: int, every: bool = False
) -> list[Row[Any]]:
    """The next accounts, newest first, that cannot be found by name yet; with `every` those too that can. Who is suspended
    keeps the words there are, and gets none again when they have been erased."""
    query = select(account.c.id, account.c.username, account.c.display_name).where(
        account.c.id < below_id,
        account.c.deleted_at.is_(None),
        account.c.suspended_at.is_(None),
        account.c.domain != NAMES_DOMAIN,
    )
    if not every:
        query = query.where(~exists().where(account_word.c.account_id == account.c.id))
    return list(conn.execute(query.order_by(account.c.id.desc()).limit(limit)))


def accounts_named(
    conn: Connection,
    text: str,
    *,
    viewer_id: int | None,
    limit: int,
    offset: int = 0,
    only_followed: bool = False,
) -> list[Row[Any]]:
    """Accounts with all words of the text in their names, the last one begun (``ali``, ``alice ny``), or whose handle
    begins with it (``alice@so``): whom the viewer follows first, then those with most followers."""
    name, at, domain = text.strip().removeprefix("@").partition("@")
    query = select(account).where(
        kept_out.shows(account),
        account.c.deleted_at.is_(None),
        account.c.actor_type != "Application",
        known_to(viewer_id),
    )
    if at:
        query = query.where(
            account.c.username_key == name.casefold(), _begins(conn, account.c.domain, domain.lower())
        )
    else:
        of_names = _of_names(conn, name)
        if of_names is None:
            return []
        query = query.where(of_names)
    followed = exists().where(
        follow.c.account_id == viewer_id, follow.c.target_id == account.c.id, follow.c.accepted
    )
    # A limited account is found by those who follow it, and by its whole name.
    query = query.where(
        or_(account.c.limited_at.is_(None), followed, account.c.username_key == name.casefold())
    )
    if only_followed:
        query = query.where(followed)
    if viewer_id is not None:
        query = query.order_by(case((followed, 0), else_=1))
    query = query.order_by(account.c.followers_count.desc(), account.c.id.desc())
    return list(conn.execute(query.limit(limit).offset(offset)))


def _of_names(conn: Connection, text: str) -> ColumnElement[bool] | None:
    key = text.casefold()
    handle = _has_word(conn, key, begun=True) if key and not any(map(str.isspace, key)) else None
    wanted = sought(text, begun=True)
    if wanted is None:
        return handle
    last = len(wanted.words) - 1
    words = and_(
        *(
            _has_word(conn, word, begun=wanted.begun and number == last)
            for number, word in enumerate(dict.fromkeys(wanted.words))
        )
    )
    # `alice_w` is two words, of which the second may be that of another name.
    return words if handle is None or key.isalnum() else or_(handle, words)


def _has_word(conn: Connection, word: str, *, begun: bool) -> ColumnElement[bool]:
    condition = _begins(conn, account_word.c.word, word) if begun else account_word.c.word == word
    return account.c.id.in_(select(account_word.c.account_id).where(condition))


def _begins(conn: Connection, text: Any, prefix: str) -> ColumnElement[bool]:
    """A range rather than a pattern: an index in byte order serves it on both databases."""
    ordered = collate(text, "C") if conn.dialect.name == "postgresql" else text
    return and_(ordered >= prefix, ordered < prefix + "\U0010ffff")


# -- finding hashtags


def tags_named(
    conn: Connection, prefix: str, *, limit: int, offset: int = 0, only_reviewed: bool = False
) -> list[Row[Any]]:
    """Hashtags that everybody can see in use and whose key begins with `prefix` (folded), the exact one first."""
    query = (
        select(hashtag)
        .where(_begins(conn, hashtag.c.key, prefix), hashtag.c.listable)
        .where(
            exists().where(
                post_tag.c.tag_id == hashtag.c.id,
                post.c.id == post_tag.c.post_id,
                post.c.visibility.in_(["public", "unlisted"]),
            )
        )
        .order_by(case((hashtag.c.key == prefix, 0), else_=1), hashtag.c.key)
    )
    if only_reviewed:
        # Whoever types a name in full wants to see it.
        query = query.where(or_(hashtag.c.reviewed_at.is_not(None), hashtag.c.key == prefix))
    return list(conn.execute(query.limit(limit).offset(offset)))


# -- finding servers


def hosts(conn: Connection, prefix: str, *, limit: int) -> list[str]:
    """Servers whose name begins so, those of which most people are known first.

    Whoever asks for one letter has the people of no more than HOSTS_COUNTED_MAX servers counted.
    """
    named = (
        select(instance.c.host)
        .where(_begins(conn, instance.c.host, prefix.lower()))
        .order_by(instance.c.host)
        .limit(HOSTS_COUNTED_MAX)
        .subquery()
    )
    people = select(func.count()).select_from(account).where(account.c.host == named.c.host).scalar_subquery()
    return list(conn.scalars(select(named.c.host).order_by(people.desc(), named.c.host).limit(limit)))
