"""Slack's "mrkdwn" as Markdown: https://docs.slack.dev/messaging/formatting-message-text

Slack escapes three characters and puts everything that is not text in angle brackets. What means something in
Markdown and nothing in Slack (a heading, a link in brackets) is escaped, so that it stays what its author saw.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

_CODE_BLOCK: Final = re.compile(r"```(.*?)```", re.DOTALL)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_BRACKETS: Final = re.compile(r"<([^<>\n]+)>")
_EMOJI: Final = re.compile(r":([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):(?!:skin)")
_BOLD: Final = re.compile(r"(?<![\w*\\])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_STRUCK: Final = re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])")
_BULLET: Final = re.compile(r"^(\s*)[•◦▪]\s*", re.MULTILINE)
# What begins a heading, a link, a picture or an escape in Markdown.
_MEANS_MORE: Final = re.compile(r"[\\\[\]]|^(?=#{1,6}\s)|^(?=(?:=+|-{2,})\s*$)|^(?=\+\s)", re.MULTILINE)
_SKIN_TONES: Final = {str(number): chr(0x1F3F9 + number) for number in range(2, 7)}

# What stands for itself until the text around it is finished; neither Slack nor Markdown has such characters.
_HELD: Final = "\ue000{}\ue001"
_HELD_ONES: Final = re.compile("\ue000(\\d+)\ue001")


def to_markdown(text: str, *, name_of: Callable[[str], str], channel_of: Callable[[str], str]) -> str:
    """The text of a message; `name_of` a user's id and `channel_of` a channel's give what is shown for them ("" where
    they are unknown)."""
    held: list[str] = []

    def hold(markdown: str) -> str:
        held.append(markdown)
        return _HELD.format(len(held) - 1)

    def bracketed(found: re.Match[str]) -> str:
        return hold(_reference(found[1], name_of, channel_of))

    text = text.replace("\ue000", "").replace("\ue001", "")
    text = _CODE_BLOCK.sub(lambda found: hold(_code_block(found[1])), text)
    text = _CODE.sub(lambda found: hold(_code(found[1])), text)
    text = _BRACKETS.sub(bracketed, text)
    text = _quotes(unescape_entities(text))
    text = _MEANS_MORE.sub(lambda found: "\\" + found[0], text)
    text = _BOLD.sub(r"**\1**", text)
    text = _STRUCK.sub(r"~~\1~~", text)
    text = _BULLET.sub(r"\1- ", text)
    text = _EMOJI.sub(_emoji, text)
    while _HELD_ONES.search(text):  # a label holds no more than what was held before it
        text = _HELD_ONES.sub(lambda found: held[int(found[1])], text)
    return text.strip()


def unescape_entities(text: str) -> str:
    """Slack writes these three as entities, and no others."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _reference(inside: str, name_of: Callable[[str], str], channel_of: Callable[[str], str]) -> str:
    """What stands between angle brackets: a person, a channel, a group of people, a date, an address."""
    target, _, label = inside.partition("|")
    if target[:1] in ("@", "#", "!"):
        shown = _shown(target, label, name_of, channel_of)
        return f"**{escaped(shown)}**" if target[0] in "@!" else escaped(shown)
    label, target = unescape_entities(label).strip(), unescape_entities(target)
    if target.lower().startswith("mailto:"):
        return escaped(label or target[len("mailto:") :])
    if not target.lower().startswith(("http://", "https://")):
        return escaped(label or target)
    if not label or label == target:
        return target
    return f"[{escaped(label)}](<{target.replace('<', '%3C').replace('>', '%3E')}>)"


def _shown(target: str, label: str, name_of: Callable[[str], str], channel_of: Callable[[str], str]) -> str:
    label = unescape_entities(label).strip()
    kind, name = target[0], target[1:]
    if kind == "@":
        return name_of(name) or label or name
    if kind == "#":
        return f"#{channel_of(name) or label or name}"
    if name.startswith("date^"):
        return label
    if name.startswith("subteam^"):
        return label or "@group"
    return label or f"@{name}"  # here, channel, everyone


def escaped(text: str) -> str:
    """Text that means nothing in Markdown."""
    return re.sub(r"([\\`*_\[\]~<>])", r"\\\1", text)


def _code_block(inside: str) -> str:
    inside = _flat(inside).strip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", inside)), default=0))
    return f"\n{fence}\n{inside}\n{fence}\n"


def _code(inside: str) -> str:
    return f"`{_flat(inside)}`"


def _flat(inside: str) -> str:
    """Code as it was typed: addresses in it are marked up, too."""
    return unescape_entities(_BRACKETS.sub(lambda found: found[1].partition("|")[2] or found[1], inside))


def _quotes(text: str) -> str:
    """``>>>`` quotes all that follows. A line after a quote is none of it, which Markdown sees by an empty line."""
    before, mark, rest = ("\n" + text).partition("\n>>>")
    if mark:
        quoted = "\n".join(f"> {line}" for line in rest.strip().split("\n"))
        text = f"{before}\n{quoted}".lstrip("\n")
    out: list[str] = []
    for line in text.split("\n"):
        if out and out[-1].startswith(">") and line.strip() and not line.startswith(">"):
            out.append("")
        out.append(line)
    return "\n".join(out)


def _emoji(found: re.Match[str]) -> str:
    name, _, tone = found[1].partition("::skin-tone-")
    flag = re.fullmatch(r"flag-([a-z]{2})", name)
    if flag is not None:
        return "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in flag[1])
    known = _emoji_named().get(name) or _emoji_named().get(name.replace("-", "_"))
    if known is None:
        return found[0]  # one of the workspace's own
    return known + _SKIN_TONES.get(tone, "")


@cache
def _emoji_named() -> dict[str, str]:
    import emoji  # a table of thousands, which most servers never need

    found: dict[str, str] = {}
    for one, data in emoji.EMOJI_DATA.items():
        if data["status"] != emoji.STATUS["fully_qualified"]:
            continue
        for name in (*data.get("alias", ()), data["en"]):
            found.setdefault(name.strip(":").lower(), one)
    return found
