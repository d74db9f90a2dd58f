"""What programs read of the whole library: site maps, feeds of any query, lines of JSON-LD, and a list in a frame elsewhere."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import pytest

from fedserver.resources.faces import sitemap
from tests.members import Person
from tests.resources.faces.conftest import FULL
from tests.resources.test_publishing import LESSON, RESOURCES
from web.catalogues import queries

NS = {"s": sitemap.NAMESPACE, "a": "http://www.w3.org/2005/Atom"}


async def read(who: Person, path: str) -> bytes:
    answer = await who.raw("GET", path)
    assert answer.status == 200, await answer.text()
    assert "Set-Cookie" not in answer.headers
    body: bytes = await answer.read()
    return body


async def library(alice: Person) -> dict[str, dict[str, Any]]:
    """One of each that differs in who finds it."""
    made = {
        name: await alice.post(RESOURCES, {**LESSON, "title": name, "visibility": name})
        for name in ("public", "unlisted", "members")
    }
    made["full"] = await alice.post(RESOURCES, FULL)
    made["withdrawn"] = await alice.post(RESOURCES, {**LESSON, "title": "withdrawn"})
    await alice.post(f"{RESOURCES}/{made['withdrawn']['id']}/withdraw", {"reason": "Wrong."})
    return made


async def test_the_site_map_has_what_everybody_may_find(alice: Person, nobody: Person) -> None:
    made = await library(alice)
    root = ET.fromstring(await read(nobody, "/sitemap.xml"))
    found = {one.findtext("s:loc", "", NS): one.findtext("s:lastmod", "", NS) for one in root}
    origin = made["public"]["url"].rpartition("/resources/")[0]
    assert set(found) == {f"{origin}/resources", made["public"]["url"], made["full"]["url"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found[made["public"]["url"]])
    assert f"Sitemap: {origin}/sitemap.xml" in (await read(nobody, "/robots.txt")).decode()


async def test_too_many_addresses_for_one_file_are_in_several(
    alice: Person, nobody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap, "ADDRESSES_MAX", 2)
    made = {(await alice.post(RESOURCES, LESSON))["url"] for _ in range(5)}
    root = ET.fromstring(await read(nobody, "/sitemap.xml"))
    parts = [one.text or "" for one in root.iterfind("s:sitemap/s:loc", NS)]
    assert len(parts) == 3
    found: list[str] = []
    for address in parts:
        inner = ET.fromstring(await read(nobody, "/" + address.rpartition("/")[2]))
        addresses = [one.text or "" for one in inner.iterfind("s:url/s:loc", NS)]
        assert len(addresses) <= 2
        found += addresses
    assert len(found) == 6
    assert made < set(found)
    assert (await nobody.raw("GET", "/sitemap-4.xml")).status == 404
    assert (await nobody.raw("GET", "/sitemap-0.xml")).status == 404


async def test_any_query_is_a_feed(alice: Person, nobody: Person) -> None:
    made = await library(alice)
    root = ET.fromstring(await read(alice, "/resources.atom?licence=CC-BY-4.0"))
    ids = {one.text for one in root.iterfind("a:entry/a:id", NS)}
    assert ids == {made["public"]["uri"], made["full"]["uri"]}  # whoever asks
    root = ET.fromstring(await read(nobody, "/resources.atom?type=exercise&topic=Openness"))
    (entry,) = root.iterfind("a:entry", NS)
    assert entry.findtext("a:title", "", NS) == FULL["title"]
    assert [one.text for one in entry.iterfind("a:author/a:name", NS)] == [
        one["name"] for one in FULL["authors"]
    ]
    assert entry.findtext("a:summary", "", NS) == FULL["abstract"]
    links = {(one.get("rel"), one.get("href")) for one in entry.iterfind("a:link", NS)}
    assert ("license", "https://creativecommons.org/licenses/by/4.0/") in links
    assert ("related", FULL["url"]) in links
    (self_,) = (one for one in root.iterfind("a:link", NS) if one.get("rel") == "self")
    assert (self_.get("href") or "").endswith("/resources.atom?type=exercise&topic=Openness")
    assert (await nobody.raw("GET", "/resources.atom?sort=nonsense")).status == 422


async def test_all_of_it_comes_as_lines(
    alice: Person, nobody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap, "LINES_AT_ONCE", 1)
    made = await library(alice)
    lines = (await read(nobody, "/resources.jsonl")).decode().splitlines()
    found = [json.loads(one) for one in lines]
    assert [one["@id"] for one in found] == [made["public"]["uri"], made["full"]["uri"]]
    assert all(one["@type"] == "LearningResource" for one in found)
    head = await nobody.raw("HEAD", "/resources.jsonl")
    assert (head.status, await head.read()) == (200, b"")


async def test_a_list_is_framed_elsewhere_without_script_cookie_or_form(
    alice: Person, nobody: Person
) -> None:
    await library(alice)
    answer = await alice.raw("GET", "/embed/resources?type=slides&limit=1", headers={"Cookie": "session=x"})
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "form-action 'none'" in policy
    text = await answer.text()
    assert "members" not in text
    assert "unlisted" not in text
    assert "</script><!--" not in text
    page = html5lib.parse(text, namespaceHTMLElements=False)
    assert not [one.tag for one in page.iter() if one.tag in ("script", "form", "iframe")]
    assert [one.get("content") for one in page.iter("meta") if one.get("name") == "robots"] == ["noindex"]
    (link,) = (one for one in page.iter("a") if (one.text or "").startswith("All"))
    assert "type=slides" in (link.get("href") or "")
    # Nowhere else.
    for path in ("/resources", "/resources.atom", "/sitemap.xml"):
        other = await nobody.raw("GET", path)
        assert "frame-ancestors 'none'" in other.headers["Content-Security-Policy"]


def test_the_snippet_is_harmless_whatever_is_asked_for() -> None:
    html = queries.snippet("https://here.example", [("q", '"><script>'), ("topic", "a&b")], 'The "library"')
    (frame,) = html5lib.parseFragment(html, namespaceHTMLElements=False)
    assert frame.tag == "iframe"
    assert frame.get("src") == "https://here.example/embed/resources?q=%22%3E%3Cscript%3E&topic=a%26b"
    assert frame.get("title") == 'The "library"'


async def test_the_page_has_its_json_ld_and_leads_to_citations(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, FULL)
    page = html5lib.parse(
        (await read(nobody, f"/resources/{made['id']}")).decode(), namespaceHTMLElements=False
    )
    (script,) = (one for one in page.iter("script") if one.get("type") == "application/ld+json")
    assert json.loads(script.text or "")["name"] == FULL["title"]
    kinds = {one.get("type") for one in page.iter("link") if one.get("rel") == "alternate"}
    assert {"application/ld+json", "application/x-bibtex", "application/x-research-info-systems"} <= kinds
