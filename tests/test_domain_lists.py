"""Lists of domains come in and go out as Mastodon's, and say before what members would lose."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.moderation import domain_lists, domains
from fedserver.moderation.domain_lists import LeftOut, Row
from fedserver.moderation.domains import Rule
from storage import domain_losses, instances, tables
from storage.types import new_id
from tests import databases
from tests.people import add_member, add_stranger
from tests.running import RunningServer

OURS = ("here.example", "social.here.example")
MASTODON = """#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate
spam.example,suspend,False,False,"Spam, and more",True
LOUD.example.,silence,true,TRUE,,false
ex****e.org,suspend,False,False,,False
bücher.example,noop,True,False,,
"""


def test_a_list_of_mastodons_is_read() -> None:
    read = domain_lists.read("\ufeff" + MASTODON)
    assert read.rows == [
        Row("spam.example", Rule("reject", public_comment="Spam, and more", obfuscates=True)),
        Row("loud.example", Rule("limit", rejects_media=True, rejects_reports=True)),
        Row("xn--bcher-kva.example", Rule("noop", rejects_media=True)),
    ]
    assert read.left_out == [LeftOut(4, "ex****e.org", "is hidden behind asterisks")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.example\nb.example\n", ["a.example", "b.example"]),
        ("domain\na.example\n\n", ["a.example"]),
        ("# Ours\r\na.example\r\n#b.example\r\n", ["a.example"]),
        ("severity,domain\nsuspend,a.example\n", ["a.example"]),
        ("*.a.example,suspend\nA.EXAMPLE\n", ["a.example"]),
        ("not a domain\n-\nlocalhost\na.example:443\n", ["a.example"]),
        ("", []),
    ],
    ids=["plain", "one-column", "remarks", "turned", "wildcard", "nonsense", "empty"],
)
def test_plainer_lists_are_read_too(text: str, found: list[str]) -> None:
    assert [row.domain for row in domain_lists.read(text).rows] == found


def test_of_two_rows_the_stricter_counts_and_none_is_worse_than_asked() -> None:
    text = "#domain,#severity\na.example,silence\na.example,suspend\n"
    assert [row.rule.policy for row in domain_lists.read(text).rows] == ["reject"]
    assert [row.rule.policy for row in domain_lists.read(text, severest="silence").rows] == ["limit"]
    assert domain_lists.read(text, allows=True).rows == [Row("a.example", Rule("allow"))]


def test_a_list_has_an_end() -> None:
    with pytest.raises(Invalid, match="more than 20000 rows"):
        domain_lists.read("".join(f"a{number}.example\n" for number in range(20_001)))


@given(st.text(max_size=300))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        read = domain_lists.read(text)
    except Invalid:
        return
    assert all(domains.normal_domain(row.domain) == row.domain for row in read.rows)


def fill(conn: Connection) -> None:
    """A member with ties to two hosts of one domain, an allowed server, a rule."""
    member = add_member(conn, "maren")
    for name, host, follows in (("a", "w1.spam.example", True), ("b", "w2.spam.example:8443", False)):
        other = add_stranger(conn, name, host)
        pair = (member, other) if follows else (other, member)
        values = {"account_id": pair[0], "target_id": pair[1], "accepted": True}
        conn.execute(insert(tables.follow).values(id=new_id(), uri=f"https://x.example/{name}", **values))
    domains.decide(conn, None, "good.example", Rule("allow"))
    domains.decide(conn, None, "loud.example", Rule("limit", note="Our own words"))
    domains.decide(conn, None, "bad.example", Rule("reject"))


LIST = (
    "#domain,#severity\nspam.example,suspend\nexample,suspend\nloud.example,suspend\nbad.example,silence\n"
    "w.bad.example,suspend\nhere.example,suspend\ngood.example,suspend\nnew.example,noop\n"
)


async def test_a_list_changes_only_what_it_may(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await server.db.write(fill)
    rows = domain_lists.read(LIST).rows
    seen = await server.db.read(domain_lists.compare, rows, OURS)
    assert {one.row.domain: one.change for one in seen} == {
        "spam.example": "new",
        "loud.example": "stricter",
        "bad.example": "there",
        "w.bad.example": "there",
        "here.example": "ours",
        "good.example": "allowed",
        "new.example": "new",
    }
    told = domain_lists.told(seen)
    assert (told[0].domain, told[0].accounts, told[0].following, told[0].followers) == (
        "spam.example",
        2,
        1,
        1,
    )
    with monkeypatch.context() as patch:
        # What it costs is counted once for a whole list, not for each part of it that is brought in.
        patch.setattr(domain_losses, "by_host", lambda _: pytest.fail("counted again"))
        assert sorted(await server.db.write(domain_lists.apply_some, None, rows, OURS)) == [
            "loud.example", "new.example", "spam.example",
        ]  # fmt: skip
    again = await server.db.read(domain_lists.compare, rows, OURS)
    assert not [one for one in again if one.counts]
    row = await server.db.read(instances.by_host, "loud.example")
    assert (row.policy, row.note) == ("reject", "Our own words")


async def test_what_goes_out_comes_in_again(server: Server) -> None:
    await server.db.write(fill)
    comment = '=HYPERLINK("x"), "quoted"'
    await server.db.write(
        domains.decide, None, "odd.example", Rule("limit", True, True, "Secret", comment, True)
    )
    text = (await server.db.read(domain_lists.write)).decode()
    assert "Secret" not in text
    assert "Our own words" not in text
    assert "'=HYPERLINK" in text
    assert {row.domain: row.rule.policy for row in domain_lists.read(text).rows} == {
        "bad.example": "reject", "loud.example": "limit", "odd.example": "limit",
    }  # fmt: skip
    allowed = await server.db.read(lambda conn: domain_lists.write(conn, allows=True))
    assert allowed == b"#domain\r\ngood.example\r\n"


def test_the_command_says_what_it_would_do_and_does_it(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "server", databases.sqlite_database(tmp_path / "server"))
    file = tmp_path / "list.csv"
    file.write_text(MASTODON)
    dry = server.command_json("import", "blocklist", str(file), "--dry-run")
    assert (dry["changes"], [one["text"] for one in dry["left_out"]]) == (3, ["ex****e.org"])
    assert server.command("instance", "export").splitlines() == [",".join(domain_lists.HEADER)]
    done = server.command_json("import", "blocklist", str(file), "--severest", "silence")
    assert (done["changes"], done["dry_run"]) == (3, False)
    assert 'spam.example,silence,false,false,"Spam, and more",true' in server.command("instance", "export")
    assert "Made 0 rules of 3 domains" in server.command(
        "import", "blocklist", str(file), "--severest", "silence"
    )
    with pytest.raises(AssertionError, match="cannot be read: No such file"):
        server.command("import", "blocklist", str(tmp_path / "none.csv"))
