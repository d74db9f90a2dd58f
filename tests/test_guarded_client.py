"""The one door out, driven against real servers on loopback addresses.

Test mode allows 127.0.1.0/24. The canaries listen outside it, where nothing may ever knock.
"""

# Long because every way around the one door is tried against the same few servers.

import asyncio
import gzip
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dnslib import QTYPE, RR, A
from yarl import URL

from fedserver import config
from fedserver.errors import BadAnswer, Refused, Unreachable
from fedserver.federation import http
from fedserver.federation.addresses import check_url, may_be_dialled
from fedserver.federation.http import GuardedClient, Limits

AP = "application/activity+json"
ALLOWED = "127.0.1.1"
OTHER = "127.0.1.2"
CANARY = "127.0.2.1"


@dataclass
class Peer:
    """A server that answers with what a test sets and remembers what it was asked."""

    base: str
    port: int
    seen: list[web.Request] = field(default_factory=list)
    answers: dict[str, object] = field(default_factory=dict)

    def json(self, path="/", document=None, **more):
        body = json.dumps(document or {"id": "x"})
        self.answers[path] = lambda request: web.Response(text=body, content_type=more.get("type", AP))
        return self.base + path

    def redirect(self, path, location, status=302):
        headers = {"Location": location, "Set-Cookie": "a=b; Path=/"}
        self.answers[path] = lambda request: web.Response(status=status, headers=headers)
        return self.base + path


@pytest.fixture
async def serve() -> AsyncIterator:
    runners = []

    async def serve(address=ALLOWED, port=0, trust: ssl.SSLContext | None = None) -> Peer:
        async def handle(request):
            peer.seen.append(request)
            answer = peer.answers[request.path](request)
            return await answer if asyncio.iscoroutine(answer) else answer

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, address, port, ssl_context=trust)
        await site.start()
        runners.append(runner)
        port = runner.addresses[0][1]
        peer = Peer(f"http{'s' if trust else ''}://{address}:{port}", port)
        return peer

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator:
    clients = []

    def client(limits=None, **testing) -> GuardedClient:
        testing = {"enabled": "1", "allow_http": "1", "allow_nets": "127.0.1.0/24"} | testing
        environ = {f"FEDSERVER_TESTING__{name.upper()}": value for name, value in testing.items()}
        # A folder of its own: ./data may be somebody's running server.
        ours = {"FEDSERVER_DOMAIN": "our.example", "FEDSERVER_DATA": str(tmp_path)}
        settings = config.load(environ={**ours, **environ})
        clients.append(GuardedClient(settings, limits=limits))
        return clients[-1]

    yield client
    for one in clients:
        await one.close()


@pytest.fixture
async def canary() -> AsyncIterator:
    """A listener on a forbidden address; the test fails if anything connects to it."""
    visits = []

    async def visit(reader, writer):
        visits.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(visit, CANARY, 0)
    port = server.sockets[0].getsockname()[1]
    # The same port on the other addresses a trick may lead to.
    others = [await asyncio.start_server(visit, "127.0.0.1", port)]
    yield f"http://{CANARY}:{port}/", port
    await asyncio.sleep(0.01)
    for one in (server, *others):
        one.close()
        await one.wait_closed()
    assert visits == []


async def raw_server(send) -> str:
    """A server that reads a request and then does what it likes with the connection."""

    async def handle(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            await send(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The client has gone, or the test is over.
        finally:
            writer.close()

    server = await asyncio.start_server(handle, ALLOWED, 0)
    return f"http://{ALLOWED}:{server.sockets[0].getsockname()[1]}/"


def reason(caught) -> str:
    return caught.value.reason


# What is asked and what comes back


async def test_a_document_is_fetched_with_our_name_and_nothing_that_betrays_us(serve, client):
    peer = await serve()
    got = await client().get_json(peer.json("/a", {"id": "https://x"}) + "#main-key")
    assert (got.json, got.url, got.status) == ({"id": "https://x"}, peer.base + "/a", 200)
    (request,) = peer.seen
    assert request.headers["User-Agent"].startswith("fedserver/")
    assert request.headers["User-Agent"].endswith("(+https://our.example/)")
    assert set(request.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


@pytest.mark.parametrize(
    "kind",
    [
        AP,
        "Application/Activity+JSON; charset=utf-8",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
    ],
)
async def test_activitypub_media_types_are_accepted(serve, client, kind):
    peer = await serve()
    peer.answers["/"] = lambda _: web.Response(body=b"{}", headers={"Content-Type": kind})
    assert (await client().get_json(peer.base + "/")).json == {}


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "application/json",
        "image/png",
        "application/ld+json",
        'application/ld+json; profile="https://other.example"',
    ],
)
async def test_any_other_media_type_is_no_document(serve, client, kind):
    peer = await serve()
    peer.answers["/"] = lambda _: web.Response(body=b"{}", headers={"Content-Type": kind})
    with pytest.raises(BadAnswer) as caught:
        await client().get_json(peer.base + "/")
    assert reason(caught) == "content_type"


async def test_webfinger_answers_may_be_plain_json_but_not_html(serve, client):
    peer, ask = await serve(), client()
    url = peer.json(type="application/json")
    assert (await ask.get_json(url, accept="application/jrd+json", content_types=http.JRD)).json
    with pytest.raises(BadAnswer):
        await ask.get_json(peer.json(type="text/html"), content_types=http.JRD)


async def test_a_failure_status_is_told_apart(serve, client):
    peer = await serve()
    peer.answers["/"] = lambda _: web.Response(status=410)
    with pytest.raises(BadAnswer) as caught:
        await client().get_json(peer.base + "/")
    assert (reason(caught), caught.value.status) == ("status", 410)
    assert (await client().get(peer.base + "/")).status == 410


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":' * 5000])
async def test_what_is_not_one_clean_json_object_is_refused(serve, client, body):
    peer = await serve()
    peer.answers["/"] = lambda _: web.Response(body=body, content_type=AP)
    with pytest.raises(BadAnswer) as caught:
        await client().get_json(peer.base + "/")
    assert reason(caught) == "json"


async def test_a_post_sends_exactly_what_it_was_given(serve, client):
    peer, bodies = await serve(), []

    async def inbox(request):
        bodies.append(await request.read())
        return web.Response(status=202, body=b"thanks" * 20_000)

    peer.answers["/inbox"] = inbox
    answer = await client().post(peer.base + "/inbox", b"{}", {"Content-Type": AP, "Digest": "d"})
    assert (answer.status, bodies) == (202, [b"{}"])
    assert 0 <= len(answer.body) <= http.ANSWER_BYTES_MAX
    assert peer.seen[0].headers["Content-Type"] == AP


async def test_a_post_is_not_sent_on(serve, client):
    peer = await serve()
    answer = await client().post(peer.redirect("/inbox", "/elsewhere", 307), b"{}")
    assert answer.status == 307
    assert len(peer.seen) == 1


async def test_cookies_are_not_kept(serve, client):
    peer = await serve()
    peer.json("/b")
    await client().get_json(peer.redirect("/a", "/b"))
    assert all("Cookie" not in request.headers for request in peer.seen)


# Redirects


async def test_each_hop_is_signed_for_itself(serve, client):
    here, there, calls = await serve(), await serve(OTHER), []
    here.redirect("/a", there.json("/b?c=d"))
    there.answers["/b"] = there.answers.pop("/b?c=d")

    def sign(method, url, body):
        calls.append((method, url, body))
        return {"Signature": url}

    got = await client().get_json(here.base + "/a", sign=sign)
    assert got.url == there.base + "/b?c=d"
    assert calls == [("GET", here.base + "/a", b""), ("GET", there.base + "/b?c=d", b"")]
    assert [r.headers["Signature"] for r in (*here.seen, *there.seen)] == [url for _, url, _ in calls]


async def test_headers_for_one_server_are_not_shown_to_another(serve, client):
    here, there = await serve(), await serve(OTHER)
    here.redirect("/a", there.json("/b"))
    await client().get(here.base + "/a", headers={"Authorization": "secret", "If-None-Match": "x"})
    assert "Authorization" in here.seen[0].headers
    assert not {"Authorization", "If-None-Match"} & set(there.seen[0].headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_a_forbidden_address_is_not_followed(serve, client, canary, status):
    peer = await serve()
    with pytest.raises(Refused) as caught:
        await client().get_json(peer.redirect("/", canary[0], status))
    assert reason(caught) == "blocked_address"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "/\\evil", "//user@127.0.1.1/", "gopher://x/"])
async def test_a_redirect_to_something_else_than_a_web_page_is_not_followed(serve, client, location):
    peer = await serve()
    with pytest.raises(Refused):
        await client().get(peer.redirect("/", location))


async def test_three_redirects_are_followed_and_no_fourth(serve, client):
    peer = await serve()
    for step in range(4):
        peer.redirect(f"/{step}", f"/{step + 1}")
    peer.json("/4")
    assert (await client().get_json(peer.base + "/1")).url == peer.base + "/4"
    with pytest.raises(BadAnswer) as caught:
        await client().get_json(peer.base + "/0")
    assert reason(caught) == "redirects"


async def test_a_loop_is_walked_once(serve, client):
    peer = await serve()
    peer.redirect("/a", "/b")
    with pytest.raises(BadAnswer) as caught:
        await client().get(peer.redirect("/b", "/a"))
    assert (reason(caught), len(peer.seen)) == ("redirects", 2)


async def test_https_is_checked_and_never_left_for_http(serve, client, certificates):
    authority, trust = certificates
    secure, plain = await serve(trust=trust), await serve(OTHER)
    ask = client(ca=str(authority))
    assert (await ask.get_json(secure.json("/ok"))).status == 200
    with pytest.raises(Refused) as caught:
        await ask.get_json(secure.redirect("/down", plain.json("/")))
    assert (reason(caught), plain.seen) == ("scheme", [])
    with pytest.raises(Unreachable) as stranger:
        await client().get_json(secure.base + "/ok")
    assert reason(stranger) == "tls"


# Names and addresses


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.0.0.192"),
        *("192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
        *("255.255.255.255", "240.0.0.1", "192.88.99.1", "168.63.129.16"),
        *("::", "::1", "::ffff:8.8.8.8", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1"),
        *("fe80::1%eth0", "2606:4700::1%1", "100::1", "nonsense", "127.1"),
    ],
)
def test_addresses_that_are_not_public_may_not_be_dialled(address):
    assert not may_be_dialled(address)


def test_public_and_expressly_allowed_addresses_may():
    assert may_be_dialled("9.9.9.9")
    assert may_be_dialled("2620:fe::fe")
    nets = (ipaddress.ip_network("127.0.0.0/8"),)
    assert may_be_dialled("127.0.0.1", nets)
    assert not may_be_dialled("::ffff:127.0.0.1", nets)
    assert not may_be_dialled("10.0.0.1", nets)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "0.0.0.0",
            "0",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
        ),
        *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:1::1]", "[::1%25lo]", "[fe80::1%25lo]"),
        *(
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "①②⑦.⓪.⓪.①",
            "１２７.0.0.1",
        ),
        *("evil@127.0.0.1", "127.0.0.1#@evil", "evil\\@127.0.0.1", "evil%00.127.0.0.1", "127.0.0.1\t"),
        *("@127.0.0.1", "a b.example", "127.0.0.1\r\nX: y", "localhost"),
    ],
)
async def test_no_spelling_of_a_forbidden_address_is_dialled(client, canary, host):
    with pytest.raises(Unreachable) as caught:
        await client().get(f"http://{host}:{canary[1]}/")
    assert reason(caught) in ("blocked_address", "url", "dns")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/", "scheme"),
        ("ftp://example.org/", "scheme"),
        ("data:application/json,{}", "scheme"),
        ("https:///path", "url"),
        ("/path", "scheme"),
        ("https://example.org:22/", "blocked_port"),
        ("https://example.org:6379/", "blocked_port"),
        ("https://example.org:99999/", "url"),
        ("https://example.org/" + "a" * 5000, "url"),
        ("https://-a.example/", "url"),
        ("https://a..example/", "url"),
    ],
)
def test_outside_test_mode_only_plain_https_addresses_pass(url, why):
    with pytest.raises(Refused) as caught:
        check_url(url)
    assert reason(caught) == why


def test_ordinary_addresses_pass_and_lose_their_fragment():
    assert check_url("https://Example.org/a?b=c#d") == URL("https://example.org/a?b=c")
    assert check_url("https://münchen.example:8443/").raw_host == "xn--mnchen-3ya.example"


async def test_a_static_name_reaches_its_address_and_keeps_its_host_header(serve, client):
    peer = await serve()
    ask = client(hosts=f"b.example=127.0.1.1:{peer.port},c.example:81={CANARY}:{peer.port}")
    peer.json("/")
    assert (await ask.get_json("http://b.example/")).url == "http://b.example/"
    assert peer.seen[0].headers["Host"] == "b.example"
    with pytest.raises(Refused):
        await ask.get_json("http://c.example:81/")


class Names(asyncio.DatagramProtocol):
    """A DNS server that gives each name's next set of addresses, and in the end repeats the last."""

    def __init__(self, **table):
        self.table = {name.replace("_", "."): list(turns) for name, turns in table.items()}
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        from dnslib import DNSRecord

        query = DNSRecord.parse(data)
        reply, name = query.reply(), str(query.q.qname).rstrip(".")
        if query.q.qtype == QTYPE.A and name in self.table:
            self.asked.append(name)
            turns = self.table[name]
            for address in turns.pop(0) if len(turns) > 1 else turns[0]:
                reply.add_answer(RR(name, QTYPE.A, rdata=A(address), ttl=0))
        self.transport.sendto(reply.pack(), sender)


@pytest.fixture
async def dns() -> AsyncIterator:
    transports = []

    async def dns(**table):
        transport, names = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Names(**table), local_addr=("127.0.0.1", 0)
        )
        transports.append(transport)
        return names, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"

    yield dns
    for transport in transports:
        transport.close()


async def test_a_name_that_leads_inside_is_not_dialled(client, canary, dns):
    _, server = await dns(evil_example=[[CANARY, "127.0.0.1", "10.0.0.1"]])
    with pytest.raises(Refused) as caught:
        await client(dns=server).get(f"http://evil.example:{canary[1]}/")
    assert reason(caught) == "blocked_address"


async def test_of_a_mixed_name_only_the_allowed_addresses_are_dialled(serve, client, dns):
    peer, visits = await serve(), []
    trap = await asyncio.start_server(lambda r, w: visits.append(w), "127.0.0.1", peer.port)
    peer.json("/")
    _, server = await dns(mixed_example=[["127.0.0.1", ALLOWED]])
    assert (await client(dns=server).get_json(f"http://mixed.example:{peer.port}/")).status == 200
    trap.close()
    assert visits == []


async def test_a_name_that_turns_inside_later_is_caught_when_dialled(serve, client, canary, dns, monkeypatch):
    monkeypatch.setattr(http, "DNS_CACHE_SECONDS", 0)
    peer = await serve(port=0)
    peer.answers["/"] = lambda _: web.Response(headers={"Connection": "close"})
    names, server = await dns(turn_example=[[ALLOWED], [CANARY]])
    ask = client(dns=server, hosts="")
    assert (await ask.get(f"http://turn.example:{peer.port}/")).status == 200
    with pytest.raises(Refused) as caught:
        await ask.get(f"http://turn.example:{canary[1]}/")
    assert (reason(caught), len(names.asked)) == ("blocked_address", 2)


async def test_even_a_resolver_that_lies_cannot_make_us_dial_inside(client, canary, monkeypatch):
    """The last check is on the socket's own address, whatever was resolved or cached before it."""

    async def lie(self, host, port=0, family=0):
        from fedserver.federation.resolve import _result

        return [_result(host, CANARY, port)]

    monkeypatch.setattr("fedserver.federation.resolve.GuardedResolver.resolve", lie)
    with pytest.raises(Refused) as caught:
        await client().get(f"http://liar.example:{canary[1]}/")
    assert reason(caught) == "blocked_address"


async def test_an_unknown_name_and_a_closed_port_are_told_apart(client, dns, serve):
    _, server = await dns()
    with pytest.raises(Unreachable) as unknown:
        await client(dns=server).get("http://nobody.example/")
    with pytest.raises(Unreachable) as closed:
        await client().get("http://127.0.1.77:9/")
    assert (reason(unknown), reason(closed)) == ("dns", "refused")


# Hostile servers

QUICK = Limits(connect=1, read=0.3, total=0.6)


async def drip(writer, head=b"", step=b" "):
    writer.write(head)
    while True:
        writer.write(step)
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"]
)
async def test_a_trickle_ends_at_the_deadline_of_the_whole_request(client, head):
    url = await raw_server(lambda writer: drip(writer, head, b"a"))
    with pytest.raises(Unreachable) as caught:
        await client(QUICK).get(url)
    assert reason(caught) == "timeout"


async def test_silence_ends_at_the_deadline_of_a_read(client):
    url = await raw_server(lambda writer: asyncio.sleep(5))
    with pytest.raises(Unreachable) as caught:
        await client(Limits(connect=1, read=0.2, total=600)).get(url)
    assert reason(caught) == "timeout"


async def test_an_endless_body_ends_at_the_limit(client):
    sent = 0

    async def endless(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n" % AP.encode())
        while True:
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    with pytest.raises(BadAnswer) as caught:
        await client().get_json(await raw_server(endless))
    assert reason(caught) == "too_large"
    assert sent < 50_000_000


async def test_a_length_beyond_the_limit_is_not_even_read(client):
    async def boast(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        await asyncio.sleep(5)

    with pytest.raises(BadAnswer) as caught:
        await client().get(await raw_server(boast))
    assert reason(caught) == "too_large"


async def test_endless_headers_are_cut(client):
    url = await raw_server(lambda writer: drip(writer, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000))
    with pytest.raises(Unreachable) as caught:
        await client().get(url)
    assert reason(caught) == "broken"


async def test_packed_answers_are_unpacked(serve, client):
    peer, headers = await serve(), {"Content-Encoding": "gzip", "Content-Type": AP}
    peer.answers["/"] = lambda _: web.Response(body=gzip.compress(b'{"id":"x"}'), headers=headers)
    assert (await client().get_json(peer.base + "/")).json == {"id": "x"}


@pytest.mark.parametrize(
    ("encoding", "body", "why"),
    [
        ("gzip", gzip.compress(b" " * 100_000_000), "too_large"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}")), "encoding"),
        ("br", b"{}", "encoding"),
        ("gzip", b"{}", "encoding"),
        ("gzip", gzip.compress(b"{}" * 1000)[:-12], "encoding"),
    ],
    ids=["bomb", "nested", "unknown", "none", "cut"],
)
async def test_the_limit_holds_for_what_is_unpacked(serve, client, encoding, body, why):
    peer, headers = await serve(), {"Content-Encoding": encoding, "Content-Type": AP}
    peer.answers["/"] = lambda _: web.Response(body=body, headers=headers)
    with pytest.raises(BadAnswer) as caught:
        await client().get_json(peer.base + "/")
    assert reason(caught) == why


async def test_a_host_that_hangs_does_not_hold_up_another(serve, client):
    hanging, peer, ask = await raw_server(lambda writer: asyncio.sleep(5)), await serve(), client(QUICK)
    stuck = [asyncio.create_task(ask.get(hanging)) for _ in range(10)]
    await asyncio.sleep(0)
    assert (await ask.get_json(peer.json())).status == 200
    results = await asyncio.gather(*stuck, return_exceptions=True)
    assert {type(result) for result in results} == {Unreachable}


async def test_a_delivery_counts_although_the_answer_never_ends(client):
    async def taken(writer):
        await drip(writer, b"HTTP/1.1 202 Accepted\r\nContent-Length: 9999\r\n\r\n")

    assert (await client(QUICK).post(await raw_server(taken), b"{}")).status == 202


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate authority's PEM file, and the server context of a certificate for ALLOWED."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ALLOWED))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "ca.pem", context
