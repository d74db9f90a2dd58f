"""Plain text: what is cleaned from a line or a body before it is kept, and what counts as a language tag.

Nothing here knows HTML; escaping is done where text becomes HTML (`plain`, `markdown`, the templates).
"""

import re
import unicodedata

MARKS_PER_LETTER_MAX = 8
"""Combining marks kept after one letter. Vietnamese, Hebrew with cantillation and Tibetan need up to six."""

# What a row keeps. Longer ones (BCP 47 §4.4.1 knows some of 35) name variants of variants.
LANGUAGE_TAG_CHARS_MAX = 16

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029\u0085\v\f]")
# C0 and C1 controls except tab and line feed; byte order marks, which mean nothing within a text; noncharacters and lone
# surrogates, which no store takes.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufeff\ufffe\uffff\ud800-\udfff]")
# LRO and RLO turn the order of honest letters around (CVE-2021-42574); no language needs them.
_BIDI_OVERRIDES = re.compile("[\u202d\u202e]")
# In one line nothing closes what these open; the marks LRM, RLM and ALM change no other text and stay.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Invisible tag characters carry hidden text, except in the flags of Wales and its like.
_HIDDEN_TAGS = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+")
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_STACKED_MARKS = re.compile(f"([{_MARKS}]{{{MARKS_PER_LETTER_MAX}}})[{_MARKS}]+")
_SPACES = re.compile(r"\s+")
_INVISIBLE_ONLY = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\u3164\ufeff\uffa0]*"
)

EMOJI_SHORTCODE = re.compile(r"(?<![A-Za-z0-9_:]):([A-Za-z0-9_]{2,64}):(?![A-Za-z0-9_:])")
"""A custom emoji in text, `:blob_cat:`; group 1 is the name (Mastodon: two characters or more)."""

_LANGUAGE_TAG = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
)


def clean_line(text: str) -> str:
    """One line as kept: a name, a title, a subject, alternative text of one line.

    Controls, direction controls and hidden characters go, runs of white space become one space, stacked
    combining marks are cut. A line that shows nothing at all becomes the empty string.
    """
    text = _BIDI_CONTROLS.sub("", _clean(text))
    text = _SPACES.sub(" ", text).strip()
    return "" if _INVISIBLE_ONLY.fullmatch(text) else text


def clean_text(text: str) -> str:
    """A body as kept: lines end in LF, no trailing blank, nothing that turns or hides other text."""
    return without_overrides(_clean(text)).strip("\n").rstrip()


def without_overrides(text: str) -> str:
    """The text without the direction overrides and hidden tag characters (also used on finished HTML)."""
    if text.isascii():
        return text
    text = _HIDDEN_TAGS.sub("", _BIDI_OVERRIDES.sub("", text))
    return _STACKED_MARKS.sub(r"\1", text)


def _clean(text: str) -> str:
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    return _STACKED_MARKS.sub(r"\1", _HIDDEN_TAGS.sub("", text))


def emoji_shortcodes(text: str) -> list[str]:
    """The names of custom emoji in the text, in order, each once."""
    return list(dict.fromkeys(match[1] for match in EMOJI_SHORTCODE.finditer(text)))


def language_tag(value: str) -> str | None:
    """The tag in BCP 47's usual case (`pt-BR`, `zh-Hant`), or None when it is not one we can use.

    Language, script, region and variants are read; extensions and private use are refused, because
    neither `lang` attributes nor catalogues of translations know what to do with them.
    """
    if len(value) > LANGUAGE_TAG_CHARS_MAX:
        return None
    match = _LANGUAGE_TAG.fullmatch(value.strip().replace("_", "-"))
    if match is None:
        return None
    tag = match["language"].lower()
    if match["script"]:
        tag += "-" + match["script"].title()
    if match["region"]:
        tag += "-" + match["region"].upper()
    return tag + match["variants"].lower()
