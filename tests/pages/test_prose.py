"""Texts of members as pages show them: emoji, headings, footnotes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fedserver.content.markdown import render_markdown
from web.prose import prose


@dataclass
class Emoji:
    shortcode: str = "blob"
    url: str = "https://a.example/blob.png"


def shown(source: str, anchor: str = "p1") -> str:
    return prose(render_markdown(source, {}, str).html, [Emoji()], anchor)


def test_emoji_are_put_into_text_and_nothing_else() -> None:
    html = shown("# :blob:\n\n`:blob:` $\\text{:blob:}$ [x](https://a.example/:blob:)")
    assert html.startswith("<h3><img ")
    assert html.count("<img") == 1


def test_footnotes_and_their_places_lead_to_each_other() -> None:
    html = shown("One[^a], two[^b], one again[^a].\n\n[^a]: First\n\n    - more\n\n[^b]: Second")
    assert html == (
        '<p>One<sup><a href="#p1-note-1" id="p1-ref-1" role="doc-noteref">[1]</a></sup>, '
        'two<sup><a href="#p1-note-2" id="p1-ref-2" role="doc-noteref">[2]</a></sup>, '
        'one again<sup><a href="#p1-note-1" role="doc-noteref">[1]</a></sup>.</p><hr><ol>'
        '<li id="p1-note-1"><p>First</p><ul><li>more</li></ul> <a href="#p1-ref-1" role="doc-backlink">↩</a></li>'
        '<li id="p1-note-2"><p>Second <a href="#p1-ref-2" role="doc-backlink">↩</a></p></li></ol>'
    )
    assert "id=" not in shown("One[^a].\n\n[^a]: First", anchor="")


@pytest.mark.parametrize(
    "html",
    [
        "<p>x<sup>[1]</sup></p>",
        "<p>x<sup>[2]</sup></p><hr><ol><li>a</li></ol>",
        "<p>x<sup>[1]</sup></p><hr><ol><li>a</li></ol><p>more</p>",
        "<p>x<sup>[1]</sup></p><hr><ol>text</ol><ol><li>a</li></ol>",
        "<p>x<sup>[1]</sup></p><blockquote><hr><ol><li>a</li></ol></blockquote><ol><li>b</li></ol>",
        '<p><a href="https://a.example">x<sup>[1]</sup></a></p><hr><ol><li>a</li></ol>',
        "<p>No reference</p><hr><ol><li>a</li></ol>",
    ],
)
def test_what_only_looks_like_footnotes_stays_as_it_is(html: str) -> None:
    assert prose(html, [], "p1") == html
