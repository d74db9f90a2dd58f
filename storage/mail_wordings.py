"""Mails in the community's own words, by kind and language, with drafts of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from storage.hot import insert_row
from storage.tables import mail_wording
from storage.types import now_ms

# Attributes are the table's columns.
WordingRow = Row[Any]


def all_of_them(conn: Connection) -> list[WordingRow]:
    """Every wording, by kind and language."""
    return list(conn.execute(select(mail_wording).order_by(mail_wording.c.kind, mail_wording.c.language)))


def get(conn: Connection, kind: str, language: str) -> WordingRow | None:
    """One wording, in use or a draft."""
    query = select(mail_wording).where(mail_wording.c.kind == kind, mail_wording.c.language == language)
    return conn.execute(query).first()


def best(conn: Connection, kind: str, language: str) -> WordingRow | None:
    """The wording in use for a language, else for the wider one (pt for pt-BR)."""
    wanted = [language, language.partition("-")[0]]
    query = select(mail_wording).where(
        mail_wording.c.kind == kind, mail_wording.c.language.in_(wanted), mail_wording.c.text != ""
    )
    return min(conn.execute(query), key=lambda row: wanted.index(row.language), default=None)


def languages(conn: Connection) -> list[str]:
    """In which languages there are wordings in use."""
    query = select(mail_wording.c.language).where(mail_wording.c.text != "").distinct()
    return sorted(conn.scalars(query))


def count(conn: Connection, kind: str) -> int:
    """In how many languages there is a wording, or a draft of one."""
    query = select(func.count()).select_from(mail_wording).where(mail_wording.c.kind == kind)
    return int(conn.scalar(query) or 0)


def put(conn: Connection, kind: str, language: str, /, **values: str) -> None:
    """Set columns, in a row that is made unless it is there."""
    key = {"kind": kind, "language": language}
    insert_row(conn, mail_wording, {**key, "changed_at": now_ms()}, unless_there=True)
    conn.execute(
        update(mail_wording)
        .where(mail_wording.c.kind == kind, mail_wording.c.language == language)
        .values(**values, changed_at=now_ms())
    )


def remove(conn: Connection, kind: str, language: str) -> None:
    """There is none any more, and no draft."""
    conn.execute(delete(mail_wording).where(mail_wording.c.kind == kind, mail_wording.c.language == language))
