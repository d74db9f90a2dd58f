"""Markdown as members write it: CommonMark with tables, strikethrough, footnotes and formulas, never raw HTML.

Mentions, hashtags and addresses are found in its text only: not in code, not in links. The result passes
the sanitiser like anything from elsewhere, so the parser need not be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from fedserver.content.formulas import from_tex
from fedserver.content.html import sanitise_article
from fedserver.content.links import Handle, Kind, Piece, hashtags_of, mentions_of, scan, urls_of
from fedserver.content.plain import Linker, MentionTarget, Rendered
from fedserver.content.text import clean_text
from fedserver.later import Later

if TYPE_CHECKING:
    import markdown_it
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token
    from mdit_py_plugins import dollarmath, footnote
    from mdit_py_plugins.dollarmath import index as formulas_index
else:
    markdown_it = Later("markdown_it")
    dollarmath = Later("mdit_py_plugins.dollarmath")
    formulas_index = Later("mdit_py_plugins.dollarmath.index")
    footnote = Later("mdit_py_plugins.footnote")

# Clients that show `content` as it stands would show these as blank lines. Code has no tags of these names.
_LINE_ENDS_OF_TAGS = re.compile(r"(?<=<br />)\n|(?<=>)\n(?=<)")
_LINKABLE = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)


def find_mentions(text: str) -> list[Handle]:
    """Who is mentioned in Markdown, in order, each once; code and link texts do not mention."""
    return mentions_of(_pieces(text))


def find_hashtags(text: str) -> list[str]:
    """The hashtags of Markdown as typed, without `#`, each once."""
    return hashtags_of(_pieces(text))


def find_urls(text: str) -> list[str]:
    """The addresses in Markdown, bare ones and targets of links, in order, each once."""
    tokens = _parse(text)
    found: dict[str, None] = {}
    for token in _inline(tokens):
        if token.type == "link_open":
            found.setdefault(str(token.attrs.get("href", "")))
        elif token.type == "image":
            found.setdefault(str(token.attrs.get("src", "")))
        else:
            found.update(dict.fromkeys(urls_of(token.meta.get("pieces", ()))))
    return [url for url in found if url]


def render_markdown(
    text: str, mentions: Mapping[str, MentionTarget], tag_url: Callable[[str], str]
) -> Rendered:
    """Markdown as safe HTML in the markup of `render_plain`, with the same arguments.

    Pictures become links to them: a page must not load files from servers the reader did not choose.
    Raises TooLarge when the result has too much formatting.
    """
    linker = Linker(mentions, tag_url)
    html = str(_markdown().renderer.render(_parse(text), _markdown().options, {"linker": linker}))
    return linker.finish(sanitise_article(_LINE_ENDS_OF_TAGS.sub("", html)).strip())


def _parse(text: str) -> list[Token]:
    return _markdown().parse(clean_text(text))


def _pieces(text: str) -> Iterator[Piece]:
    for token in _inline(_parse(text)):
        yield from token.meta.get("pieces", ())


def _inline(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.children:
            yield from token.children


def _find(state: StateCore) -> None:
    """Scan text outside links; the renderer asks `meta["pieces"]`."""
    for token in state.tokens:
        links = 0
        for child in token.children or ():
            links += child.nesting if child.type in ("link_open", "link_close") else 0
            if child.type == "text" and links == 0:
                pieces = list(scan(child.content))
                if any(piece.kind is not Kind.TEXT for piece in pieces):
                    child.meta = {"pieces": pieces}


def _render_text(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    pieces = token.meta.get("pieces")
    if pieces is None:
        return escape(token.content, quote=False)
    linker: Linker = env["linker"]
    return linker.html(pieces)


def _render_image(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    return f'<a href="{escape(source)}">{escape(token.content or source, quote=False)}</a>'


def _render_formula(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    formula = from_tex(token.content, display=token.markup == "$$")
    if formula is None:
        return f"<code>{escape(f'{token.markup}{token.content}{token.markup}', quote=False)}</code>"
    return formula


def _render_formula_block(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    shown = _render_formula(self, tokens, index, options, env)
    return f"<pre>{shown}</pre>\n" if shown.startswith("<code>") else f"<p>{shown}</p>\n"


@cache
def _dollar_pair() -> Callable[[StateInline, bool], bool]:
    return formulas_index.math_inline_dollar(allow_space=False, allow_digits=True, allow_double=True)


def _inline_formula(state: StateInline, silent: bool) -> bool:
    """`$TeX$`, but no prices: not within a word (`US$5`), not before a digit (`$5-$6`), not at a space (`$5 and $6`).

    The rules are Pandoc's, and one more for letters. Scripts without spaces may touch a formula.
    """
    start = state.pos
    before = state.src[start - 1 : start] if start else ""
    if (before.isascii() and before.isalnum()) or not _dollar_pair()(state, True):
        return False
    after = state.src[state.pos : state.pos + 1]
    state.pos = start
    return not after.isdigit() and _dollar_pair()(state, silent)


# Posts share pages, so footnotes must not carry ids; the pages link them (`web.prose`).
def _render_footnote_ref(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return f"<sup>[{int(tokens[index].meta['id']) + 1}]</sup>"


def _render_footnotes_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "<hr><ol>"


def _render_footnotes_close(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "</ol>"


def _render_footnote_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "<li>"


def _render_footnote_close(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "</li>"


def _render_nothing(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return ""


@cache
def _markdown() -> MarkdownIt:
    # A line break in the source is one on the page, as in a plain post.
    markdown = markdown_it.MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(
        ["table", "strikethrough"]
    )
    markdown.use(footnote.footnote_plugin)
    markdown.use(dollarmath.dollarmath_plugin, allow_labels=False, allow_blank_lines=False)
    markdown.inline.ruler.at("math_inline", _inline_formula)
    markdown.validateLink = lambda url: _LINKABLE.match(url) is not None  # type: ignore[method-assign]
    markdown.core.ruler.push("fedserver_links", _find)
    for name, rule in {
        "text": _render_text,
        "image": _render_image,
        "math_inline": _render_formula,
        "math_inline_double": _render_formula,
        "math_block": _render_formula_block,
        "footnote_ref": _render_footnote_ref,
        "footnote_block_open": _render_footnotes_open,
        "footnote_block_close": _render_footnotes_close,
        "footnote_open": _render_footnote_open,
        "footnote_close": _render_footnote_close,
        "footnote_anchor": _render_nothing,
    }.items():
        markdown.add_render_rule(name, rule)
    return markdown
