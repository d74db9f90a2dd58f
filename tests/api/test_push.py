"""Web Push: what an app on a phone gets, read with another implementation of the encryption; and when it stops."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from fedserver import webpush
from fedserver.context import Server
from storage import oauth as tokens
from storage import tables
from storage.types import now_ms
from tests.members import Person
from tests.waiting import until

SUBSCRIPTION = "/api/v1/push/subscription"


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class PushService:
    """A push service, and the one app that it knows."""

    endpoint: str = ""
    answers: list[web.Response] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    secret: bytes = b"0123456789abcdef"

    def __post_init__(self) -> None:
        self.key = generate_private_key(SECP256R1())

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    async def take(self, request: web.Request) -> web.Response:
        answer = self.answers.pop(0) if self.answers else web.Response(status=201)
        self.got.append((dict(request.headers), await request.read()))
        return answer

    def wanted(self, *, standard: bool, policy: str = "all", **alerts: bool) -> dict[str, Any]:
        """What an app posts to subscribe."""
        keys = {"p256dh": text_of(self.point), "auth": text_of(self.secret)}
        return {
            "subscription": {"endpoint": self.endpoint, "keys": keys, "standard": standard},
            "data": {"alerts": alerts, "policy": policy},
        }

    def message(self, index: int) -> tuple[dict[str, Any], dict[str, Any], str]:
        """What the app reads: the message, what the server claims to be, and the key it shows with that."""
        headers, body = self.got[index]
        if headers["Content-Encoding"] == "aes128gcm":
            plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
            said = re.fullmatch(r"vapid t=([^,]+),k=(.+)", headers["Authorization"])
            assert said is not None
            token, public = said.groups()
        else:
            assert headers["Content-Encoding"] == "aesgcm"
            salt = octets(headers["Encryption"].removeprefix("salt="))
            said = re.fullmatch(r"dh=([^;]+);p256ecdsa=(.+)", headers["Crypto-Key"])
            assert said is not None
            plain = http_ece.decrypt(
                body,
                salt=salt,
                private_key=self.key,
                dh=octets(said[1]),
                auth_secret=self.secret,
                version="aesgcm",
            )
            token, public = headers["Authorization"].removeprefix("WebPush "), said[2]
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), octets(public))
        claims = jwt.decode(token, key, algorithms=["ES256"], audience=self.endpoint.rpartition("/")[0])
        return json.loads(plain), claims, public


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    made = PushService()
    app = web.Application()
    app.router.add_post("/app", made.take)
    async with TestServer(app, host="127.0.0.1") as listening:
        made.endpoint = str(listening.make_url("/app"))
        yield made


async def subscriptions(server: Server) -> list[Any]:
    return await server.db.read(lambda conn: list(conn.execute(select(tables.push_subscription))))


@pytest.mark.jobs
@pytest.mark.parametrize("standard", [True, False], ids=["aes128gcm", "aesgcm"])
async def test_an_app_reads_what_it_asked_for_and_no_more(
    server: Server, alice: Person, bob: Person, service: PushService, standard: bool
) -> None:
    """Complaint 9: apps that read only the older encoding get it."""
    shown = await alice.post(SUBSCRIPTION, service.wanted(standard=standard, mention=True, follow=False))
    assert shown["standard"] is standard
    stored = (await subscriptions(server))[0]
    assert alice.token.encode() not in stored.sealed_token

    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    text = "Hello @alice, " + "what do you think of this? " * 20
    post = await bob.post("/api/v1/statuses", {"status": text, "visibility": "direct"})
    await until(lambda: bool(service.got), "a message to the push service")
    message, claims, public = service.message(0)
    notified = next(one for one in await alice.get("/api/v1/notifications") if one["type"] == "mention")
    assert message.pop("body").startswith("Hello @alice, what do you think")
    assert message == {
        "access_token": alice.token,
        "preferred_locale": "en",
        "notification_id": int(notified["id"]),
        "notification_type": "mention",
        "icon": notified["account"]["avatar"],
        "title": "bob mentioned you",
    }
    assert public == shown["server_key"] == server.keys.vapid_public_key()
    assert claims["sub"] == server.config.origin
    headers = service.got[0][0]
    assert 0 < int(headers["TTL"]) <= 48 * 3600
    assert headers["Topic"] == notified["id"]
    assert len(service.got) == 1, "the follow was not asked for"
    assert post["id"] == notified["status"]["id"]


@pytest.mark.jobs
async def test_only_those_wake_an_app_whom_its_policy_names(
    server: Server, alice: Person, bob: Person, member: Callable[..., Any], service: PushService
) -> None:
    carol = await member("carol")
    await alice.post(f"/api/v1/accounts/{carol.id}/follow")
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    for policy, wakes in (("followed", carol), ("follower", bob), ("all", bob)):
        await alice.post(SUBSCRIPTION, service.wanted(standard=True, policy=policy, mention=True))
        before = len(service.got)
        for author in (bob, carol) if wakes is carol else (carol, bob):
            if policy != "all" or author is bob:
                await author.post("/api/v1/statuses", {"status": f"@alice {policy}"})
        await until(lambda: len(service.got) > before, f"a message under {policy}")  # noqa: B023
        await server.db.read(lambda conn: None)
        assert service.message(before)[0]["title"] == f"{wakes.username} mentioned you", policy
        assert len(service.got) == before + 1
    await alice.put(SUBSCRIPTION, {"data": {"alerts": {"mention": True}, "policy": "none"}})
    await bob.post("/api/v1/statuses", {"status": "@alice none"})
    await alice.put(SUBSCRIPTION, {"data": {"alerts": {"favourite": True}, "policy": "all"}})
    post = await alice.post("/api/v1/statuses", {"status": "Like me"})
    await bob.post(f"/api/v1/statuses/{post['id']}/favourite")
    await until(lambda: len(service.got) > 3, "the message after those that were not wanted")
    assert service.message(3)[0]["notification_type"] == "favourite"


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__time_scale": "100000"}


@pytest.mark.jobs
async def test_a_service_that_refuses_is_asked_no_more(
    server: Server, alice: Person, bob: Person, service: PushService
) -> None:
    await alice.post(SUBSCRIPTION, service.wanted(standard=True, mention=True))
    service.answers = [
        web.Response(status=429, headers={"Retry-After": "1"}),
        web.Response(status=503),
        web.Response(status=400),
        web.Response(status=201),
    ]
    await bob.post("/api/v1/statuses", {"status": "@alice one"})
    await until(lambda: len(service.got) == 3, "two more attempts")
    assert len({service.message(one)[0]["notification_id"] for one in range(3)}) == 1
    await bob.post("/api/v1/statuses", {"status": "@alice two"})

    async def forgiven() -> bool:
        return [one.failures for one in await subscriptions(server)] == [0] and len(service.got) == 4

    await until(forgiven, "that a message which is taken makes good for one that was not")
    service.answers = [web.Response(status=400) for _ in range(3)]
    for number in range(3):
        await bob.post("/api/v1/statuses", {"status": f"@alice refused {number}"})

    async def forgotten() -> bool:
        return not await subscriptions(server)

    await until(forgotten, "that an app which is refused three times is forgotten")

    await alice.post(SUBSCRIPTION, service.wanted(standard=True, mention=True))
    service.answers = [web.Response(status=410)]
    await bob.post("/api/v1/statuses", {"status": "@alice gone"})
    await until(forgotten, "that an app which is gone is forgotten")

    await alice.post(SUBSCRIPTION, service.wanted(standard=True, mention=True))
    await server.db.write(tokens.revoke_all, alice.account_id, now_ms())
    assert await forgotten()


async def test_keys_that_are_none_are_refused(alice: Person, service: PushService) -> None:
    for name, value in (("p256dh", text_of(b"\x04" + b"\x01" * 64)), ("auth", "short"), ("p256dh", "!")):
        wanted = service.wanted(standard=True)
        wanted["subscription"]["keys"][name] = value
        answer = await alice.raw("POST", SUBSCRIPTION, json=wanted)
        assert answer.status == 422


def test_the_example_of_rfc_8291() -> None:
    """Appendix A: keys, salt and what comes out of them."""
    ours = octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    receiver = webpush.Receiver(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        octets("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        octets("BTBZMqHH6r4Tts7J_aSIgg"),
        standard=True,
    )
    sealed = webpush.encrypt(
        b"When I grow up, I want to be a watermelon",
        receiver,
        salt=octets("DGv6ra1nlYgDCS1FRnbzlw"),
        key=derive_private_key(int.from_bytes(ours, "big"), SECP256R1()),
    )
    assert sealed == octets(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
