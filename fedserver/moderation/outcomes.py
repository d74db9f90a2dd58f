"""That reports are settled, told by mail to the members who made them. What was done to the account is not theirs to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from fedserver.mail import plan_mail
from storage import users
from storage.reports import ReportRow


def told(conn: Connection, by_id: int, rows: Sequence[ReportRow]) -> tuple[int, ...]:
    """The members among those who made these reports, without whoever settles them."""
    reporters = {one.account_id for one in rows if one.account_id not in (None, by_id)}
    known = users.by_ids(conn, sorted(reporters))
    return tuple(one for one, user in known.items() if user.confirmed_at is not None)


def tell(conn: Connection, account_ids: Iterable[int], handle: str, outcome: str, answer: str = "") -> None:
    """Tell them what came of it: ``acted``, ``nothing``, or "" where that is not known."""
    for account_id in account_ids:
        plan_mail(conn, account_id, "report_settled", {"about": handle, "outcome": outcome, "answer": answer})
