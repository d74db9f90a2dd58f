"""Whom nobody is shown: accounts that are suspended, and everybody of a server that is kept out.

Of a server its row says whether a rule keeps it out, or lets it in where only some are federated with; one setting says which
of the two counts. So a rule, or another mode, hides or brings back any number of accounts and posts with a few rows written:
every query that leaves out suspended accounts asks `shows` instead of the column. Rows of accounts have as `suspended_at`
what holds for those who look; what was decided about the account alone is `own_suspended_at`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from storage import settings
from storage.signals import signal
from storage.tables import account, instance, setting

MODE: Final = "federation_mode_in_force"
"""The setting, kept beside the others because the file of settings may decide it: `keep_mode`."""
_LONG_AGO: Final = 1  # since when somebody is hidden about whom nothing was decided


def keep_mode(conn: Connection, mode: str) -> None:
    """Have it count from now on. Whoever keeps pages or rules hears ``setting`` and ``instance``."""
    if settings.stored(conn).get(MODE) != mode:
        settings.put(conn, MODE, mode)
        signal(conn, "instance", "")


def is_mode(mode: str) -> ColumnElement[bool]:
    """Whether this mode counts: the database asks itself once for a statement."""
    stored = select(setting.c.value).where(setting.c.name == literal(MODE)).scalar_subquery()
    return func.coalesce(stored, literal("")) == literal(json.dumps(mode))


def keeps_out(hosts: FromClause = instance) -> ColumnElement[bool]:
    """A condition over the `instance` table: nothing is exchanged with this server, and nobody of it is shown."""
    return case((is_mode("allowlist"), ~hosts.c.let_in), (is_mode("closed"), true()), else_=hosts.c.kept_out)


def _of_server(accounts: FromClause) -> ColumnElement[bool]:
    its = instance.alias()
    of_host = exists().where(its.c.host == accounts.c.host).correlate(accounts)
    kept_out = case(
        (is_mode("allowlist"), ~of_host.where(its.c.let_in)),
        (is_mode("closed"), true()),
        else_=of_host.where(its.c.kept_out),
    )
    # What is not of another server has no host.
    return and_(accounts.c.host != literal(""), kept_out)


def hides(accounts: FromClause = account) -> ColumnElement[bool]:
    """A condition over the `account` table (or an alias of it) that holds for whom nobody is shown."""
    return or_(accounts.c.suspended_at.is_not(None), _of_server(accounts))


def shows(accounts: FromClause = account) -> ColumnElement[bool]:
    """The other way round."""
    return ~hides(accounts)


def hidden_at(accounts: FromClause = account) -> ColumnElement[int | None]:
    """Since when an account is hidden, as `suspended_at`."""
    at = accounts.c.suspended_at
    return case((at.is_not(None), at), (_of_server(accounts), literal(_LONG_AGO)), else_=None).label(
        "suspended_at"
    )


def is_by_server(row: Any) -> bool:
    """Whether an account, as `columns` gives its row, is hidden because its server is kept out, and for nothing else."""
    hidden: int | None = row.suspended_at
    return hidden is not None and getattr(row, "own_suspended_at", hidden) is None


def columns(accounts: FromClause = account) -> list[ColumnElement[Any]]:
    """Those of an account's row."""
    own = accounts.c.suspended_at
    others = [hidden_at(accounts) if one is own else one for one in accounts.c]
    return [*others, own.label("own_suspended_at")]
