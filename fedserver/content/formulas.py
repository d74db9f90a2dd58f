r"""Formulas: TeX made MathML, MathML of others read strictly, and the TeX in its place where only text is shown.

A formula is what FEP-dc88 says: `<math>` with one `<semantics>`, in it an expression in MathML Core and what its
author wrote, mostly TeX, as `<annotation>`.

MathML is a classical way through sanitisers, because inside it a parser changes its rules. So the sanitiser
never meets any: formulas are taken out before, and nothing of what others wrote is put back. What has been
understood is written anew, from the elements and attributes listed here, with text only where no element may be;
what has not is shown as its TeX, or dropped with everything in it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape, unescape

from math_core import LatexError, LatexToMathML

from fedserver.content.text import without_overrides

TEX_CHARS_MAX = 2_000
"""Characters of one formula. The converter recurses where commands nest without braces: this bounds its stack."""
TEX_DEPTH_MAX = 50  # Braces and brackets in each other, for the same reason.
ELEMENTS_MAX = 1_000  # In one formula: a table of fifteen by fifteen, each cell a fraction.
ELEMENTS_IN_ALL_MAX = 8_000  # In one document; further formulas are shown as their TeX.
DEPTH_MAX = 40  # A continued fraction of twenty steps.
ANNOTATION_CHARS_MAX = 10_000

_TEX = "application/x-tex"
_PLAIN = "text/plain"

# What a token says, and what groups tokens. No `maction`, `annotation-xml`, `menclose`, `mglyph`.
_TOKENS = frozenset({"mi", "mn", "mo", "ms", "mtext"})
_LAYOUT = frozenset({
    "merror", "mfrac", "mmultiscripts", "mover", "mpadded", "mphantom", "mprescripts", "mroot", "mrow", "mspace",
    "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtr", "munder", "munderover", "none",
})  # fmt: skip

_EM = {"em": 1.0, "ex": 0.5, "px": 1 / 16, "pt": 1 / 12, "": 0.0}
_LENGTH = re.compile(r"(-?(?:\d{1,4}(?:\.\d{0,8})?|\.\d{1,8}))(em|ex|px|pt|)")
_LENGTH_EM_MAX = 20
_TEXT_ALIGN = re.compile(r"text-align:\s*(left|center|right)\s*(?:;|$)")


def _length(value: str) -> bool:
    """Whether it is a length that keeps what it moves or stretches near its formula."""
    match = _LENGTH.fullmatch(value)
    if match is None:
        return False
    number = float(match[1])
    return number == 0 if not match[2] else -1 <= number * _EM[match[2]] <= _LENGTH_EM_MAX


def _extent(value: str) -> bool:
    """A length that is not negative: nothing is drawn outside its box."""
    return _length(value) and not value.startswith("-")


def _one_of(*values: str) -> Callable[[str], bool]:
    return frozenset(values).__contains__


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


_truth = _one_of("true", "false")
_EVERYWHERE = {
    "dir": _one_of("ltr", "rtl"),
    "displaystyle": _truth,
    "mathvariant": _matching("[a-z-]{1,30}"),
    "scriptlevel": _matching("[+-]?[0-9]"),
}
_ATTRIBUTES: dict[str, dict[str, Callable[[str], bool]]] = {
    "mfrac": {"linethickness": _extent},
    "mo": {
        "form": _one_of("prefix", "infix", "postfix"),
        "lspace": _extent,
        "rspace": _extent,
        "minsize": _extent,
        "maxsize": _extent,
    }
    | dict.fromkeys(
        ("accent", "fence", "largeop", "movablelimits", "separator", "stretchy", "symmetric"), _truth
    ),
    "mover": {"accent": _truth},
    "munder": {"accentunder": _truth},
    "munderover": {"accent": _truth, "accentunder": _truth},
    "mpadded": dict.fromkeys(("width", "height", "depth", "lspace"), _extent),
    "mspace": {"width": _length, "height": _extent, "depth": _extent},
    "mtd": {
        # MathML 3. Core leaves alignment to CSS; the pages' stylesheet knows this attribute.
        "columnalign": _one_of("left", "center", "right"),
        "columnspan": _matching("[1-9][0-9]?"),
        "rowspan": _matching("[1-9][0-9]?"),
    },
}

_TAG = re.compile(
    r"<(/?)(annotation-xml|[a-z]{2,20})"
    r"((?:\s++[A-Za-z:-]++\s*+=\s*+(?:\"[^\"<>]*+\"|'[^'<>]*+'))*+)\s*+(/?)>"
)
_ATTRIBUTE = re.compile(r"([A-Za-z:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
# What replaces a formula until it comes back: private-use characters, which are text to every parser.
_MARK = re.compile("\U0010f8f0([0-9]{1,6})\U0010f8f1")
# A formula as we write it. Its text has no "<", so it ends where it says.
_WRITTEN = re.compile(
    r'<math(?P<block> display="block")?><semantics>.*?'
    r'<annotation encoding="(?P<encoding>[a-z/-]+)">(?P<source>[^<]*)</annotation></semantics></math>',
    re.DOTALL,
)
_MARKUP = re.compile(r"<annotation .*|<[^>]*>", re.DOTALL)

_converter = LatexToMathML(annotation=True, fancy_error=False, max_expansions=0)


def from_tex(tex: str, *, display: bool) -> str | None:
    """The formula that this TeX means, `display` on lines of its own; None when it cannot be shown exactly.

    That is the case for wrong TeX, unknown commands, commands defined by the author (they could nest without
    end), what MathML Core has no element for, and formulas beyond the limits above.
    """
    tex = tex.strip()
    if not tex or len(tex) > TEX_CHARS_MAX or _depth(tex) > TEX_DEPTH_MAX:
        return None
    try:
        converted = _converter.convert_with_local_state(tex, displaystyle=display)
    except LatexError:
        return None
    formula = _read(converted)
    return None if formula is None else formula.mathml


def as_tex(html: str, *, around: Callable[[str], str] = str) -> str:
    """Sanitised HTML with `$TeX$` in place of formulas (`$$` around those on lines of their own).

    For whoever does not know MathML and would show every sign twice: text, mails, apps. Mastodon does the
    same with posts from elsewhere, so that apps show both alike. `around` is called with the HTML of each.
    """
    if "<math" not in html:
        return html
    html = _WRITTEN.sub(
        lambda one: around(_delimited(one["source"], one["encoding"], display=bool(one["block"]))), html
    )
    # Cut off in the middle of a formula: half of one says something else.
    return html.split("<math", 1)[0]


def shown(formula: str) -> str:
    """The characters that a reader of the formula sees, in order."""
    return unescape(_MARKUP.sub("", formula))


class Formulas:
    """The formulas of one document while the rest of it is made safe."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._kept)

    def taken_from(self, html: str) -> str:
        """Any HTML with a mark for each formula. What is not one stays; the sanitiser drops it."""
        out: list[str] = []
        position = elements = 0
        while (start := html.find("<math", position)) >= 0:
            end = html.find("</math>", start)
            if end < 0:
                break
            end += len("</math>")
            formula = _read(html[start:end])
            out.append(html[position:start])
            position = end
            if formula is None:
                out.append(html[start:end])
                continue
            elements += formula.elements
            if formula.mathml is None or elements > ELEMENTS_IN_ALL_MAX:
                out.append(_delimited(escape(formula.source), formula.encoding, display=formula.display))
            else:
                number = str(len(self._kept))
                self._kept[number] = formula.mathml
                out.append(f"\U0010f8f0{number}\U0010f8f1")
        out.append(html[position:])
        return "".join(out)

    def put_back(self, text: str) -> Iterator[str]:
        """A run of text in pieces, its formulas each one piece. A formula comes back once, and only as text."""
        position = 0
        for mark in _MARK.finditer(text):
            formula = self._kept.pop(mark[1], None)
            if formula is not None:
                yield text[position : mark.start()]
                yield formula
                position = mark.end()
        yield text[position:]


@dataclass(frozen=True, slots=True)
class _Formula:
    """What was understood: the MathML (None when it has parts we do not show), and what its author wrote."""

    mathml: str | None
    source: str
    encoding: str
    display: bool
    elements: int


@dataclass(slots=True)
class _Node:
    name: str
    attributes: str
    parts: list["_Node | str"] = field(default_factory=list)

    @property
    def nodes(self) -> list["_Node"]:
        return [part for part in self.parts if isinstance(part, _Node)]

    @property
    def text(self) -> str:
        """All text directly in it, decoded."""
        written = "".join(part for part in self.parts if isinstance(part, str))
        # No-break spaces are meant.
        return without_overrides(unescape(written).replace("\x00", "")).strip(" \t\r\n\f")

    def value(self, name: str) -> str:
        found = (one for one in _ATTRIBUTE.finditer(self.attributes) if one[1].lower() == name)
        return next((unescape(one[2] or one[3] or "") for one in found), "").strip()


class _NotShown(Exception):
    """The formula has something that this module does not write."""


def _read(source: str) -> _Formula | None:
    """One `<math>` element as FEP-dc88 formats it, or None when it is not one."""
    root = _tree(source)
    if root is None or root.name != "math" or root.text or len(root.nodes) != 1:
        return None
    semantics = root.nodes[0]
    if semantics.name != "semantics" or semantics.text or len(semantics.nodes) < 2:
        return None
    expression, *annotations = semantics.nodes
    if any(not one.name.startswith("annotation") for one in annotations):
        return None
    said = {
        one.value("encoding"): one.text
        for one in reversed(annotations)
        if one.name == "annotation" and not one.nodes and one.text
    }
    encoding = _TEX if _TEX in said else _PLAIN
    if encoding not in said or len(said[encoding]) > ANNOTATION_CHARS_MAX:
        return None
    display = root.value("display") == "block"
    out = ['<math display="block"><semantics>' if display else "<math><semantics>"]
    try:
        _write(expression, out, depth=1)
    except _NotShown:
        return _Formula(None, said[encoding], encoding, display, 0)
    # The space parts what is shown from what was written, for whoever strips tags and keeps all text.
    out.append(f' <annotation encoding="{encoding}">{escape(said[encoding], quote=False)}</annotation>')
    out.append("</semantics></math>")
    return _Formula("".join(out), said[encoding], encoding, display, len(out))


def _tree(source: str) -> _Node | None:
    """Plainly written XML as a tree: each element closed, attributes quoted, nothing but tags and text."""
    top = _Node("", "")
    open_nodes = [top]
    position = 0
    while position < len(source):
        text_end = source.find("<", position)
        if text_end < 0:
            return None
        if text_end > position:
            open_nodes[-1].parts.append(source[position:text_end])
        tag = _TAG.match(source, text_end)
        if tag is None:
            return None
        position = tag.end()
        closing, name, attributes, empty = tag.groups()
        if closing:
            if open_nodes.pop().name != name or not open_nodes:
                return None
        else:
            node = _Node(name, attributes)
            open_nodes[-1].parts.append(node)
            if not empty:
                open_nodes.append(node)
    return top.nodes[0] if len(open_nodes) == 1 and len(top.parts) == 1 and top.nodes else None


def _write(node: _Node, out: list[str], *, depth: int) -> None:
    """Append the element as we write it. Raises _NotShown for anything that is not listed above."""
    is_token = node.name in _TOKENS
    if depth > DEPTH_MAX or len(out) > ELEMENTS_MAX or not (is_token or node.name in _LAYOUT):
        raise _NotShown
    if node.nodes if is_token else node.text:
        raise _NotShown
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(node).items())
    if is_token:
        out.append(f"<{node.name}{attributes}>{escape(node.text, quote=False)}</{node.name}>")
        return
    out.append(f"<{node.name}{attributes}>")
    for child in node.nodes:
        _write(child, out, depth=depth + 1)
    out[-1] += f"</{node.name}>"


def _attributes(node: _Node) -> dict[str, str]:
    rules = _EVERYWHERE | _ATTRIBUTES.get(node.name, {})
    found: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(node.attributes):
        name, value = one[1].lower(), unescape(one[2] or one[3] or "").strip()
        if name == "style" and node.name == "mtd":
            # Converters for MathML Core have no other way to align the cells of an equation.
            aligned = _TEXT_ALIGN.search(value)
            if aligned is not None:
                found.setdefault("columnalign", aligned[1])
        elif name in rules and rules[name](value):
            found.setdefault(name, value)
    return found


def _delimited(escaped: str, encoding: str, *, display: bool) -> str:
    """What was written, as text; TeX within the signs by which readers of TeX know it."""
    sign = "" if encoding != _TEX else "$$" if display else "$"
    return f"{sign}{escaped}{sign}"


def _depth(tex: str) -> int:
    """How deep braces and brackets lie in each other, those escaped included."""
    depth = deepest = 0
    for char in tex:
        if char in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "}]":
            depth = max(0, depth - 1)
    return deepest
