"""Mastodon's files are read as Mastodon writes them, and as people mend them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from fedserver.errors import Invalid
from fedserver.moving_in import archives, files

FILTERS = {
    "custom_filters": [
        {
            "title": "Spoilers",
            "expire_at": "2030-01-02 03:04:05 UTC",
            "context": ["home", "public"],
            "action": "hide",
            "keywords_attributes": [{"keyword": "the end", "whole_word": False}],
            "statuses": ["https://a.example/1"],
        }
    ]
}


@pytest.mark.parametrize(
    ("name", "text", "kind", "cells"),
    [
        (
            "following_accounts.csv",
            "Account address,Show boosts,Notify on new posts,Languages\nAnn@A.example,false,true,\"en, de\"\n",
            "following",
            [("Ann@a.example", "false", "true", "en, de")],
        ),
        # An older file, without the later columns; and one without a header, with what people add.
        ("x.csv", "Account address,Show boosts\nann@a.example,true\n", "following", [("ann@a.example", "true", "", "")]),
        ("follows (1).csv", " @ann@a.example \n\n", "following", [("ann@a.example", "", "", "")]),
        ("x.csv", "\ufeffAccount address;Hide notifications\r\nann@a.example;false\r\n", "muting", [("ann@a.example", "false")]),
        ("blocked_accounts.csv", "ann@a.example\nben@b.example\n", "blocking", [("ann@a.example",), ("ben@b.example",)]),
        ("x.csv", "#domain,#severity\n Bad.Example ,suspend\n", "domain_blocking", [("bad.example",)]),
        ("bookmarks.csv", "https://a.example/1?a=1;b=2\n", "bookmarks", [("https://a.example/1?a=1;b=2",)]),
        ("lists.csv", "'=Best,ann@a.example\nBest,ann@a.example\n", "lists", [("=Best", "ann@a.example"), ("Best", "ann@a.example")]),
        (
            "x.json",
            json.dumps(FILTERS),
            "custom_filters",
            [("Spoilers", "hide", "home, public", "1893553445000", '[["the end", false]]', '["https://a.example/1"]')],
        ),
        (
            "filters.csv",
            "Title,Action,Contexts,Keyword,Whole word\r\nA,warn,home,x,true\r\nA,warn,home,y,false\r\n",
            "custom_filters",
            [("A", "warn", "home", "", '[["x", true], ["y", false]]', "")],
        ),
        ("bookmarks.json", '{"id": "bookmarks.json", "orderedItems": ["https://a.example/1"]}', "bookmarks", [("https://a.example/1",)]),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_header_and_else_by_its_name(
    name: str, text: str, kind: str, cells: list[tuple[str, ...]]
) -> None:
    found = files.read(name, text.encode())
    assert (found.kind, found.guessed) == (kind, kind)
    assert [one.cells for one in found.rows] == cells
    assert not found.unread


def test_what_cannot_be_read_is_told_with_its_line_and_the_rest_is_read() -> None:
    text = 'Account address\nann@a.example\n"two\nlines"\nAnn@A.example\nnobody\n'
    found = files.read("follows.csv", text.encode(), "following")
    assert [one.line for one in found.rows] == [2]
    assert [(one.line, one.cells[0]) for one in found.unread] == [(3, "two\nlines"), (6, "nobody")]
    assert found.twice == 1


@pytest.mark.parametrize(
    ("name", "body", "kind", "problem"),
    [
        ("x.csv", b"ann@a.example\n", "", "kind cannot be told"),
        ("x.csv", b"ann@a.example\n", "friends", "kind must be one of"),
        ("lists.csv", b"Account address\nann@a.example\n", "lists", "no column List name"),
        ("follows.csv", b"a@a.example\n" * (files.ROWS_MAX + 1), "", "more than 20,000 rows"),
        ("follows.csv", b"x" * (files.BYTES_MAX + 1), "", "more than 20 MB"),
        ("follows.csv", b"\xff\xfe\x00", "", "no text in UTF-8"),
        ("follows.csv", b"a@a.example\0\n", "", "NUL"),
        ("follows.csv", b'"' + b"x" * 200_000, "", "cannot be read as a table at line 1"),
        ("follows.csv", b"\n \n", "", "nothing in it"),
        ("follows.csv", b"Account address\n", "", "nothing in it"),
        ("x.json", b'{"orderedItems": []}', "following", "none of what you chose"),
        ("x.json", b'{"custom_filters": [', "", "no JSON"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_reason(
    name: str, body: bytes, kind: str, problem: str
) -> None:
    with pytest.raises(Invalid, match=problem):
        files.read(name, body, kind)


def test_an_archive_or_a_folder_gives_the_files_that_are_known(tmp_path: Path) -> None:
    parts = {
        "a/following_accounts.csv": "ann@a.example",
        "bookmarks.json": "{}",
        "bookmarks.csv": "https://a.example/1",
        "filters.csv": "x",
        "custom_filters.json": "{}",
        "outbox.json": "{}",
        "media_attachments/lists.png": "x",
    }
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    folder = tmp_path / "folder"
    for name, text in parts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    wanted = [
        ("following_accounts.csv", b"ann@a.example"),
        ("bookmarks.csv", b"https://a.example/1"),
        ("custom_filters.json", b"{}"),
    ]
    assert archives.gathered(tmp_path / "archive.zip") == wanted
    assert archives.gathered(folder) == wanted
    assert archives.gathered(folder / "outbox.json") == [("outbox.json", b"{}")]


def test_an_archive_that_unpacks_to_more_than_a_file_may_have_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("follows.csv", "lists.csv"):
            archive.writestr(name, b"x" * (files.BYTES_MAX * 2 // 3))
    with pytest.raises(Invalid, match="more than 20 MB"):
        archives.gathered(tmp_path / "bomb.zip")
    whole = (tmp_path / "bomb.zip").read_bytes()
    (tmp_path / "broken.zip").write_bytes(whole.replace(whole[60:90], b"?" * 30, 1))
    with pytest.raises(Invalid, match="broken"):
        archives.gathered(tmp_path / "broken.zip")


def test_what_is_left_out_can_be_mended_and_sent_again() -> None:
    table = files.as_table("lists", [(("=Best", "nobody"), "is no address")])
    assert table == b"List name,Account address,Why\r\n'=Best,nobody,is no address\r\n"
    again = files.read("left_out.csv", table.replace(b"nobody", b"ann@a.example"))
    assert [one.cells for one in again.rows] == [("=Best", "ann@a.example")]
    cells = files.read("filters.json", json.dumps(FILTERS).encode()).rows[0].cells
    (row,) = files.read("x.csv", files.as_table("custom_filters", [(cells, "Too many.")])).rows
    assert files.filter_of(row.cells)[:5] == (*files.filter_of(cells)[:3], None, [("the end", False)])
