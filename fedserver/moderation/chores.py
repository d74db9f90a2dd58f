"""What moderation has done by the clock: terms that end, data that are erased, traces that are forgotten."""

from __future__ import annotations

from functools import partial
from typing import Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.jobs.periodic import Chore
from fedserver.moderation import actions, domain_subscriptions, domains, duty, standing
from fedserver.moderation.addresses import DAYS_COUNTED
from fedserver.moderation.people import IPS_KEPT_MS
from storage import rules, users
from storage.types import DAY_MS, now_ms

MINUTE_SECONDS: Final = 60.0
HOUR_SECONDS: Final = 3600.0
DAYS_REMEMBERED: Final = 800


def chores(server: Server) -> list[Chore]:
    """All of them."""
    return [
        Chore("end what was decided for a time", 5 * MINUTE_SECONDS, partial(actions.end_expired, server)),
        Chore("end rules for other servers", 5 * MINUTE_SECONDS, domains.end_expired),
        Chore("tell of what waits", duty.LOOK_SECONDS, duty.plan_due),
        Chore(
            "tell of newcomers who were left alone", HOUR_SECONDS, partial(duty.plan_nudges, server.config)
        ),
        Chore("read lists of servers", domain_subscriptions.LOOK_SECONDS, domain_subscriptions.plan_due),
        Chore("erase suspended accounts", HOUR_SECONDS, standing.plan_due_erasures),
        Chore("forget where from members came", HOUR_SECONDS, forget_traces),
    ]


def forget_traces(conn: Connection) -> None:
    """Forget addresses of the network, uses of rules and days of presence that nobody needs any more."""
    now = now_ms()
    today = now // DAY_MS
    rules.forget_ips(conn, now - IPS_KEPT_MS)
    rules.forget_uses(conn, today - DAYS_COUNTED)
    rules.forget_expired_ip_rules(conn, now)
    users.forget_days(conn, today - DAYS_REMEMBERED)
