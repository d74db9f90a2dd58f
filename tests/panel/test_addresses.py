"""Mail domains, mail addresses and networks that are kept out, in the panel: each rule made there holds, and ends there."""

from __future__ import annotations

import pytest

from fedserver import signup
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid
from fedserver.moderation import addresses, networks
from fedserver.viewer import Member
from storage import rules
from storage.paging import Window
from storage.types import now_ms
from tests.members import Person
from tests.pages.conftest import browser, signed_in, visitor
from tests.pages.visitor import Page, Visitor, path_of
from tests.panel.conftest import KnownAs, MakeReader, known

__all__ = ["browser", "known", "signed_in", "visitor"]

DOMAINS = "/admin/addresses"
SINGLE = f"{DOMAINS}/single"
NETWORKS = f"{DOMAINS}/networks"
DAY_MS = 86_400_000


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"registrations": "open"}


@pytest.fixture
async def ida(signed_in: MakeReader) -> Visitor:
    """An admin with a browser."""
    return await signed_in("ida", role="admin")


async def sign_up(server: Server, address: str, ip: str = "203.0.113.9") -> bool:
    """Somebody signs up; whether they have to be let in."""
    form = signup.SignUp(f"n{now_ms()}", address, "seven green bicycles", "Please", True)
    return (await signup.sign_up(server, form, ip=ip)).needs_approval


def said(page: Page) -> str:
    return " ".join(page.words().split())


def entries(page: Page) -> list[str]:
    return [" ".join(one.text_content().split()) for one in page.all("li", class_="entry")]


async def removed(ida: Visitor, page: Page) -> Page:
    """The page once all of its rules are taken back, by its buttons."""
    ways = [one.get("action") for one in page.all("form") if one.get("action").endswith("/delete")]
    for way in ways:
        page = await ida.submit(page, way)
        assert "No rule stands for it any more." in said(page)
    assert not entries(page)
    return page


async def test_a_mail_domain_is_kept_out_or_let_in_by_somebody(server: Server, ida: Visitor) -> None:
    page = await ida.open(DOMAINS)
    assert not page.problems
    page = await ida.submit(page, DOMAINS, {"domain": "Someone@Spam.example"})
    page = await ida.submit(page, DOMAINS, {"domain": "doubtful.example"}, choose={"with_approval": "1"})
    assert path_of(page) == f"{DOMAINS}?done=rule-added"
    for address in ("a@spam.example", "a@mail.spam.example"):
        with pytest.raises(Invalid):
            await sign_up(server, address)
    assert await sign_up(server, "a@doubtful.example")
    page = await ida.open(DOMAINS)
    assert not page.problems
    doubtful, spam = entries(page)
    assert "spam.example" in spam
    assert "tried 2 times in the last seven days, 2 of them today" in spam
    assert "has to be let in" in doubtful
    assert "tried 1 time " in doubtful
    page = await ida.submit(page, DOMAINS, {"domain": "spam.example"}, choose={"with_approval": "1"})
    assert (page.status, "Has already been taken." in said(page)) == (422, True)
    assert page.all("input", id="with_approval")[0].get("checked") is not None
    await removed(ida, page)
    assert not await sign_up(server, "b@spam.example")
    log = said(await ida.open("/mod/log"))
    assert "ida created: the rule for the mail domain doubtful.example" in log
    assert "ida removed: the rule for the mail domain spam.example" in log


async def test_a_mail_address_is_kept_out_and_cannot_be_read_again(server: Server, ida: Visitor) -> None:
    page = await ida.submit(await ida.open(SINGLE), SINGLE, {"email": "e.ve+x@good.example"})
    assert not page.problems
    assert not any(one in page.text for one in ("e.ve", "eve", "good.example"))
    with pytest.raises(Invalid):
        await sign_up(server, "Eve@good.example")
    look_up = f"{SINGLE}/look-up"
    page = await ida.submit(page, look_up, {"email": "bob@good.example"})
    assert "No rule stands for the address bob@good.example itself." in said(page)
    page = await ida.submit(page, look_up, {"email": "eve@good.example"})
    assert not page.problems
    assert "eve@good.example is kept out." in said(page)
    page = await ida.submit(page, SINGLE, {"email": "eve@good.example"})
    assert (page.status, "Has already been taken." in said(page)) == (422, True)
    await removed(ida, page)
    assert not await sign_up(server, "eve@good.example")
    assert "eve" not in said(await ida.open("/mod/log"))


@pytest.mark.parametrize("server_settings", [{"registrations": "open", "trusted_proxies": "127.0.0.0/8"}])
async def test_a_network_is_kept_out_for_a_time_changed_and_let_in_again(
    server: Server, ida: Visitor, visitor: Visitor
) -> None:
    filled = {"ip": "198.51.100.7/24", "comment": "A wave", "days": "7"}
    page = await ida.submit(await ida.open(NETWORKS), NETWORKS, filled, choose={"severity": "sign_up_block"})
    assert not page.problems
    (entry,) = entries(page)
    assert all(one in entry for one in ("198.51.100.0/24", "A wave", "Nobody signs up there", "until"))
    with pytest.raises(Forbidden):
        await sign_up(server, "a@good.example", "198.51.100.1")
    (made,) = await server.db.read(rules.ip_rules, Window())
    here = f"{NETWORKS}/{made.id}"
    page = await ida.open(here)
    assert not page.problems

    # A term stays unless another is chosen, and can be taken away.
    page = await ida.submit(page, here, {}, choose={"severity": "no_access"})
    (kept,) = await server.db.read(rules.ip_rules, Window())
    assert (kept.severity, kept.expires_at) == ("no_access", made.expires_at)
    assert 6 * DAY_MS < (kept.expires_at or 0) - now_ms() <= 7 * DAY_MS
    assert (await visitor.open("/about", **{"X-Forwarded-For": "198.51.100.2"})).status == 403
    await ida.submit(await ida.open(here), here, {"days": "30", "comment": ""})
    (kept,) = await server.db.read(rules.ip_rules, Window())
    assert (kept.comment, (kept.expires_at or 0) - now_ms() > 29 * DAY_MS) == ("", True)
    await ida.submit(await ida.open(here), here, {"days": "0"})
    (kept,) = await server.db.read(rules.ip_rules, Window())
    assert kept.expires_at is None

    # What is wrong is said at its field, and what else was filled in stays.
    page = await ida.submit(await ida.open(here), here, {"ip": "127.0.0.1", "comment": "Mine", "days": "1"})
    assert (page.status, page.problems) == (422, [])
    assert "this would shut you out" in page.all("span", id="ip-problem")[0].text_content()
    filled = {one.get("name"): one.get("value") for one in page.all("input", type="text")}
    assert (filled["ip"], filled["comment"]) == ("127.0.0.1", "Mine")
    (chosen,) = [one for one in page.all("option") if one.get("selected") is not None]
    assert chosen.get("value") == "1"
    await ida.submit(page, f"{here}/delete")
    assert not await server.db.read(rules.ip_rules, Window())
    assert "ida changed: the rule for the network 198.51.100.0/24" in said(await ida.open("/mod/log"))


async def test_lists_of_what_is_kept_out_have_pages(server: Server, admin: Person, ida: Visitor) -> None:
    async def fill(member: Member) -> None:
        for number in range(41):
            await addresses.add_mail_domain(server, member, f"m{number}.example")
            await addresses.add_address(server, member, email=f"m{number}@mail.example")
            await networks.add(server, member, network=f"198.51.100.{number}", severity="no_access")

    await fill(admin.member)
    for path in (DOMAINS, SINGLE, NETWORKS):
        page = await ida.open(path)
        assert len(entries(page)) == 40
        (older,) = [one.get("href") for one in page.all("a", rel="next")]
        assert len(entries(await ida.open(older))) == 1


async def test_ways_lead_there_from_joining_and_from_an_account_for_those_who_may(
    server: Server, ida: Visitor, signed_in: MakeReader, known: KnownAs
) -> None:
    def ways(page: Page) -> list[str]:
        return [
            one.get("href")
            for one in page.all("main")[0].iter("a")
            if DOMAINS in one.get("href") and not nav(one)
        ]

    def nav(link: object) -> bool:
        return any(one.tag == "nav" for one in link.iterancestors())  # type: ignore[attr-defined]

    assert ways(await ida.open("/admin/registration")) == [DOMAINS]
    mo = await signed_in("mo", role="moderator")
    await signed_in("alice")
    alice = await known("alice")
    for ip in ("192.0.2.7", "2001:db8:1:2:3::4"):
        await server.db.write(rules.saw_ip, alice.account_id, ip, now_ms())
    here = f"/mod/accounts/{alice.id}"
    assert not ways(await mo.open(here))
    page = await ida.open(here)
    assert not page.problems
    shown = {}
    for way in ways(page):
        leads_to = await ida.open(way)
        for name in ("domain", "ip"):
            shown |= {one.get("value"): name for one in leads_to.all("input", id=name)}
    assert shown.items() >= {
        ("mail.example", "domain"),
        ("192.0.2.7", "ip"),
        ("2001:db8:1:2::/64", "ip"),
    }
