"""What somebody wrote themselves in a mail: without what they quote, without signature, in paragraphs.

Mail programs say in every language that somebody wrote something; what they have in common is the shape. So the shape
is looked at: lines that begin with ``>``, the line before them that ends with a colon, blocks of headers, lines of
dashes. Where the writer answers between the lines, each quotation that is answered stays. Every step is linear in the
length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

LINE_CHARS_MAX: Final = 1_000
"""Longer lines are nobody's attribution, header or signature."""

ATTRIBUTION_LINES_MAX: Final = 4
ATTRIBUTION_CHARS_MAX: Final = 400
SIGNATURE_LINES_MAX: Final = 25
WRAPPED_AT: Final = 72
"""Where mail programs break lines that were written as one (RFC 5322 §2.1.1 asks for 78 at the most)."""

_MANGLED_FROM = re.compile(r">+From ")
_QUOTED = re.compile(r"\s{0,3}[>|＞]")
# A rule that is drawn, as Outlook does, or words between dashes.
_RULE = re.compile(r"\s*(?:_{20,}|-{3,}|-{2,}\s?[^\s-][^-]{1,60}[^\s-]\s?-{2,})\s*")
_HEADER = re.compile(r"[*\s]{0,4}(?P<name>[^\s:：*][^:：*]{0,30}?)\s?[*]{0,2}[:：][*\s]{0,4}(?P<value>.*)")
# How mail programs call the sender; only the first line of a block of headers has to be one of these.
_FROM: Final = frozenset(
    {
        "from",
        "von",
        "de",
        "da",
        "från",
        "fra",
        "van",
        "od",
        "lähettäjä",
        "от",
        "відправник",
        "від",
        "gönderen",
        "kimden",
        "差出人",
        "发件人",
        "寄件者",
        "보낸사람",
        "από",
        "feladó",
        "expéditeur",
        "remitente",
        "mittente",
        "afsender",
        "avsender",
        "absender",
        "saatja",
        "מאת",
        "من",
        "от кого",
        "보낸 사람",
    }
)
_FORWARDED = re.compile(
    r"\s*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|"
    r"début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht)\s?:\s*",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"-- ?|—|__")
_SENT_FROM = re.compile(
    r"[*_\s]*(?:sent (?:from|with|via) |get outlook for |gesendet (?:mit|von) |von meinem .{2,40} gesendet|"
    r"diese nachricht wurde von meinem |envoyé (?:de|depuis|à partir de|avec) |enviado (?:desde|de|a partir de) |"
    r"enviado do meu |inviato da(?:l mio)? |verzonden (?:vanaf|met) |skickat från |sendt fra |wysłane z |"
    r"lähetetty |отправлено с |отправлено из |надіслано з |iphoneから送信|发自我的|從我的.{1,20}傳送|나의 .{1,20}에서 보냄).*",
    re.IGNORECASE,
)
_SENT_FROM_CHARS_MAX: Final = 120
_LIST_FOOTER = re.compile(r"_{30,}")
# A line that is more than running text: it keeps its own line.
_STRUCTURE = re.compile(r"(?:[-*+•]\s|\d{1,3}[.)]\s|#{1,6}\s|\||>|```|~~~|={3,}|-{3,}|\s{2,}|\[\^)")
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")


def own_words(text: str, *, ours: Sequence[str] = ()) -> str:
    """The text without quotations that nobody answers and without signature; "" if nothing is left.

    `ours` are addresses and names in the headers of what we have sent, such as ``noreply@trainers.example``: what
    stands with one of them above a quotation is about the quotation. Lines end in LF.
    """
    lines = [line.rstrip() if line != "-- " else line for line in text.split("\n")]
    lines = _before_forwarded(lines, [one.casefold() for one in ours if one])
    runs = _runs(lines)
    _take_attributions(runs, [one.casefold() for one in ours if one])
    kept = _answered(_without_signature(runs))
    return "\n\n".join(filter(None, ("\n".join(run).strip("\n") for _, run in kept))).strip()


def unwrapped(text: str) -> str:
    """Lines that a mail program has broken are one again; lists, tables, quotations and code stay as they are."""
    out: list[list[str]] = []
    fenced = False
    before = ""
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        word = line.split(" ", 1)[0]
        continues = (
            not fenced
            and before
            and line
            and not _STRUCTURE.match(line)
            and not before.startswith(("|", "#", ">", "```", "~~~"))
            and not before.endswith("  ")
            # It was broken because the next word would not have fitted.
            and len(before) + 1 + len(word) > WRAPPED_AT
            and len(line) <= WRAPPED_AT + 8
        )
        if continues:
            out[-1].append(line)
        else:
            out.append([line])
        before = line
    return "\n".join(" ".join(lines) for lines in out)


# -- what the text is made of: runs of lines that are quoted or own


def _is_quoted(line: str) -> bool:
    return bool(_QUOTED.match(line)) and not _MANGLED_FROM.match(line) and not _is_table(line)


def _is_table(line: str) -> bool:
    """A row of a Markdown table begins like what some mail programs put before quotations."""
    return line.lstrip().startswith("|") and line.rstrip().endswith("|") and len(line.strip()) > 1


def _runs(lines: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """(quoted, lines) in turn; blank lines belong to what is before them."""
    runs: list[tuple[bool, list[str]]] = []
    for line in lines:
        quoted = _is_quoted(line) if line.strip() else (runs[-1][0] if runs else False)
        if runs and runs[-1][0] == quoted:
            runs[-1][1].append(line)
        else:
            runs.append((quoted, [line]))
    return runs


def _before_forwarded(lines: list[str], ours: Sequence[str]) -> list[str]:
    """What comes before a message that was put below whole, as Outlook does it."""
    for index, line in enumerate(lines):
        if len(line) > LINE_CHARS_MAX or _is_quoted(line):
            continue
        if _FORWARDED.fullmatch(line):
            return lines[:index]
        if _is_headers(_next_lines(lines, index), ours):
            return _without_rule(lines[:index])
    return lines


def _without_rule(lines: list[str]) -> list[str]:
    """The lines without the rule at their end, drawn or in words: itself changed."""
    while lines and (not lines[-1].strip() or _RULE.fullmatch(lines[-1])):
        lines.pop()
    return lines


def _next_lines(lines: Sequence[str], index: int) -> list[str]:
    return [line for line in lines[index : index + 8] if line.strip()][:5]


def _is_headers(lines: Sequence[str], ours: Sequence[str]) -> bool:
    """Whether lines begin as the headers of a message: sender first, then at least two more."""
    found = [_HEADER.fullmatch(line) for line in lines[:3] if len(line) <= LINE_CHARS_MAX]
    headers = [one for one in found if one is not None]
    if len(headers) < 3:
        return False
    first = headers[0]
    named = first["name"].casefold().strip()
    return named in _FROM or any(one in first["value"].casefold() for one in ours)


def _take_attributions(runs: list[tuple[bool, list[str]]], ours: Sequence[str]) -> None:
    """Take the lines that say who wrote what is quoted away from before each quotation."""
    for index in range(1, len(runs)):
        if not runs[index][0] or runs[index - 1][0]:
            continue
        lines = runs[index - 1][1]
        end = len(lines)
        while end and not lines[end - 1].strip():
            end -= 1
        if not end or len(lines) - end > 2:
            continue
        begin = _attribution(lines[:end], ours)
        if begin is not None:
            del lines[begin:]
        _without_rule(lines)


def _attribution(lines: Sequence[str], ours: Sequence[str]) -> int | None:
    """Where the lines that introduce a quotation begin, if the last of these do."""
    last = lines[-1].rstrip().rstrip("*_ ")
    if len(last) > ATTRIBUTION_CHARS_MAX:
        return None
    ends = last.endswith((":", "：", ":>"))
    for count in range(1, min(ATTRIBUTION_LINES_MAX, len(lines)) + 1):
        taken = lines[-count:]
        if not taken[0].strip():
            return None
        words = " ".join(taken).casefold()
        if len(words) > ATTRIBUTION_CHARS_MAX:
            return None
        tells = any(one in words for one in ours) or (
            ends and (("@" in words) or sum(character.isdigit() for character in words) >= 4)
        )
        begins_paragraph = count == len(lines) or not lines[-count - 1].strip()
        if tells and (begins_paragraph or count == ATTRIBUTION_LINES_MAX or _begins(taken[0])):
            return len(lines) - count
    return None


def _begins(line: str) -> bool:
    """Whether a line can be the first of an attribution although text stands right above it."""
    return bool(re.match(r"\W*(?:\d{1,4}[-./年]|\w{1,4}\.?,? )", line))


def _without_signature(runs: list[tuple[bool, list[str]]]) -> list[tuple[bool, list[str]]]:
    out: list[tuple[bool, list[str]]] = []
    for quoted, lines in runs:
        if quoted:
            out.append((quoted, lines))
            continue
        kept = _cut(lines)
        if any(line.strip() for line in kept):
            out.append((quoted, kept))
    return out


def _cut(lines: list[str]) -> list[str]:
    """Own lines up to the signature (RFC 3676 §4.3), the footer of a mailing list, or what a telephone adds."""
    for index, line in enumerate(lines):
        if line == "-- " or (
            # Without its blank it might be a heading of Markdown, unless nothing stands right above it.
            _SIGNATURE.fullmatch(line)
            and (index == 0 or not lines[index - 1].strip())
            and len(lines) - index <= SIGNATURE_LINES_MAX
        ):
            return lines[:index]
        if index and _LIST_FOOTER.fullmatch(line.strip()) and len(lines) - index <= SIGNATURE_LINES_MAX:
            return lines[:index]
    end = len(lines)
    while end:
        line = lines[end - 1]
        if line.strip() and not (len(line) <= _SENT_FROM_CHARS_MAX and _SENT_FROM.fullmatch(line)):
            break
        end -= 1
    return lines[:end]


def _answered(runs: list[tuple[bool, list[str]]]) -> list[tuple[bool, list[str]]]:
    """Own runs; and the quotations that each is an answer to, if there are several."""
    own = [index for index, (quoted, _) in enumerate(runs) if not quoted]
    if len(own) < 2:
        return [runs[index] for index in own]
    last = own[-1]
    return [
        (quoted, [f"> {line}" if quoted and line.strip() and line[0] != ">" else line for line in lines])
        for index, (quoted, lines) in enumerate(runs)
        if index <= last
    ]
