"""Web push subscriptions of apps: what a member's app wants to be woken for, and where."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fedserver import sealing, webpush
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.notifications import TYPES
from fedserver.viewer import Member
from storage import push
from storage.push import SubscriptionRow

POLICIES: Final = ("all", "followed", "follower", "none")
ENDPOINT_CHARS_MAX: Final = 2_048


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as an app sees it. `alerts` has every type of notification."""

    id: int
    endpoint: str
    standard: bool
    alerts: Mapping[str, bool]
    policy: str


async def current(server: Server, member: Member) -> Subscription:
    """The subscription of the app that asks. Raises NotFound."""
    row = await server.db.read(push.of_token, _token(member))
    if row is None:
        raise NotFound("Record not found")
    return _shown(row)


async def subscribe(
    server: Server,
    member: Member,
    *,
    endpoint: str,
    p256dh: str,
    auth: str,
    standard: bool,
    alerts: Mapping[str, bool],
    policy: str,
    access_token: str,
) -> Subscription:
    """Subscribe the app that asks; what it had before is replaced. Raises Invalid.

    Apps find the account that a message is for by the access token in it. As the server keeps only digests of
    tokens, this one, which the app has just shown, is kept sealed with the subscription and goes with it.
    """
    if not _may_be_sent_to(server, endpoint):
        raise Invalid({"subscription[endpoint]": "must be an https address"})
    try:
        webpush.public_point(decoded(p256dh))
        has_secret = len(decoded(auth)) == webpush.SECRET_BYTES
    except ValueError:
        has_secret = False
    if not has_secret:
        # RFC 8291 §3.1, 3.2
        raise Invalid({"subscription[keys]": "must be a P-256 key and a secret of 16 bytes in base64url"})
    token_id = _token(member)
    sealed = await asyncio.to_thread(sealing.seal, server.config, access_token, about_token(token_id))
    row = await server.db.write(
        push.put,
        token_id,
        endpoint=endpoint,
        p256dh=p256dh,
        auth=auth,
        standard=standard,
        alerts=_known(alerts),
        policy=_checked(policy),
        sealed_token=sealed,
    )
    return _shown(row)


async def change(server: Server, member: Member, *, alerts: Mapping[str, bool], policy: str) -> Subscription:
    """Choose other alerts. Raises NotFound, Invalid."""
    row = await server.db.write(push.change, _token(member), alerts=_known(alerts), policy=_checked(policy))
    if row is None:
        raise NotFound("Record not found")
    return _shown(row)


async def unsubscribe(server: Server, member: Member) -> None:
    """Nothing happens when there is no subscription."""
    await server.db.write(push.remove, _token(member))


def _token(member: Member) -> int:
    if member.token_id is None:
        raise Forbidden("Only apps can subscribe")
    return member.token_id


def _known(alerts: Mapping[str, bool]) -> dict[str, bool]:
    return {name: bool(alerts.get(name, False)) for name in TYPES}


def _checked(policy: str) -> str:
    if policy not in POLICIES:
        raise Invalid({"data[policy]": f"must be one of {', '.join(POLICIES)}"})
    return policy


def about_token(token_id: int) -> str:
    """What the token of a subscription is sealed together with."""
    return f"token {token_id}"


def _may_be_sent_to(server: Server, endpoint: str) -> bool:
    if len(endpoint) > ENDPOINT_CHARS_MAX:
        return False
    return endpoint.startswith("https://") or (
        server.config.testing.allow_http and endpoint.startswith("http://")
    )


def decoded(text: str) -> bytes:
    """Bytes from base64, of either alphabet and with or without its end; b"" for what is none."""
    try:
        return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _shown(row: SubscriptionRow) -> Subscription:
    return Subscription(row.id, row.endpoint, bool(row.standard), _known(json.loads(row.alerts)), row.policy)
