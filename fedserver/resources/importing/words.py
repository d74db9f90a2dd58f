"""How catalogues and people write durations, dates, languages, levels, types and licences, brought to our form.

Each function gives the value and, where it is not just another spelling, a sentence that says what was supposed; the value
is empty where nothing can be made of it. No function looks at more than the beginning of a long text.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from fedserver.content.text import language_tag
from fedserver.resources import licences
from fedserver.resources.checking import MINUTES_MAX
from fedserver.resources.importing.receipts import quoted

CHARS_LOOKED_AT: Final = 300

# -- durations

# ISO 8601-1 §5.5.2.
_DURATION: Final = re.compile(
    r"P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,7})(?:\.\d{1,9})?S)?)?",
    re.IGNORECASE,
)
_UNITS: Final = {"week": 10_080, "day": 1_440, "hour": 60, "hr": 60, "h": 60, "minute": 1, "min": 1, "m": 1}
_SPELLED_DURATION: Final = re.compile(
    r"(?P<number>\d{1,5}(?:[.,]\d{1,2})?)\s{0,3}(?P<unit>weeks?|days?|hours?|hrs?|h|minutes?|mins?|m)\b",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(r"(?P<hours>\d{1,3}):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d))?")


def minutes(text: str) -> tuple[int | None, str]:
    """``PT1H30M``, and what people take for it."""
    text = text.strip()[:CHARS_LOOKED_AT]
    found = _DURATION.fullmatch(text)
    if found is not None and any(found.groupdict().values()):
        return _of_duration(text, {name: int(value or 0) for name, value in found.groupdict().items()})
    # The T that parts days from hours is commonly forgotten: what has seconds or hours is no time of months.
    if re.fullmatch(r"P(?=.*[SH]$)[\dHMS]{2,20}", text, re.IGNORECASE):
        number, _ = minutes(f"PT{text[1:]}")
        return (
            number,
            f"{quoted(text)} lacks a T; without it M means months. It was taken for {number} minutes.",
        )
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        number = int(clock["hours"]) * 60 + int(clock["minutes"])
        return _within(number), f"{quoted(text)} was taken for hours and minutes."
    total, end = 0.0, 0
    for part in _SPELLED_DURATION.finditer(text):
        total += float(part["number"].replace(",", ".")) * _UNITS[part["unit"].lower().rstrip("s") or "m"]
        end = part.end()
    if total and not re.search(r"\w", text[end:]):
        return _within(round(total)), f"{quoted(text)} was taken for {round(total)} minutes."
    return None, ""


def _of_duration(text: str, parts: dict[str, int]) -> tuple[int | None, str]:
    if parts["years"] or parts["months"]:
        return None, ""
    whole = parts["weeks"] * 7 + parts["days"]
    total = whole * 1_440 + parts["hours"] * 60 + parts["minutes"] + (parts["seconds"] + 59) // 60
    if whole:
        return _within(
            total
        ), f"{quoted(text)} counts whole days of 24 hours; the time of work in them is not known."
    return _within(total), ""


def _within(number: int) -> int | None:
    return number if 0 < number <= MINUTES_MAX else None


# -- dates

_ISO_DATE: Final = re.compile(
    r"(?P<date>(?P<year>[12]\d{3})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?)(?P<rest>(?:[T\s].*)?)"
)
_MONTHS: Final = {
    name[:3]: number
    for number, name in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), 1)
}  # fmt: skip
_MONTH_FIRST: Final = re.compile(r"([A-Za-z]{3,9})\.?\s+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?([12]\d{3})")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?\s+([A-Za-z]{3,9})\.?,?\s+([12]\d{3})")
_NUMBERS: Final = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})")


def day(text: str) -> tuple[str, str]:
    """``2026-11-29``, ``2026-11`` or ``2026``, out of what stands for it."""
    text = " ".join(text[:CHARS_LOOKED_AT].split())
    iso = _ISO_DATE.fullmatch(text)
    if iso is not None and _is_date(int(iso["year"]), int(iso["month"] or 1), int(iso["day"] or 1)):
        return iso["date"], ""
    named = _MONTH_FIRST.fullmatch(text)
    if named is not None:
        return _named_month(text, named[3], named[1], named[2])
    named = _DAY_FIRST.fullmatch(text)
    if named is not None:
        return _named_month(text, named[3], named[2], named[1])
    numbers = _NUMBERS.fullmatch(text)
    if numbers is None:
        return "", ""
    first, second, third = int(numbers[1]), int(numbers[3]), int(numbers[4])
    if first > 1_000:
        return _written(text, first, second, third)
    if third > 1_000 and (numbers[2] == "." or first > 12 or first == second):
        return _written(text, third, second, first)
    return _written(text, third, first, second) if third > 1_000 and second > 12 else ("", "")


def _named_month(text: str, year: str, month: str, number: str | None) -> tuple[str, str]:
    found = _MONTHS.get(month[:3].lower())
    if found is None:
        return "", ""
    if number is None:
        return f"{year}-{found:02}", f"{quoted(text)} was read as {year}-{found:02}."
    return _written(text, int(year), found, int(number))


def _written(text: str, year: int, month: int, number: int) -> tuple[str, str]:
    if not _is_date(year, month, number):
        return "", ""
    found = f"{year:04}-{month:02}-{number:02}"
    return found, f"{quoted(text)} was read as {found}."


def _is_date(year: int, month: int, number: int) -> bool:
    try:
        date(year, month, number)
    except ValueError:
        return False
    return True


# -- languages

# ISO 639-2 (both kinds of codes) to 639-1, of the languages that have one of two letters and are written in repositories.
_TWO_LETTERS: Final = dict(
    re.findall(
        r"(\w{3}):(\w\w)",
        "eng:en ger:de deu:de fre:fr fra:fr spa:es ita:it por:pt dut:nl nld:nl swe:sv dan:da nor:no nob:nb nno:nn fin:fi "
        "ice:is isl:is est:et lav:lv lit:lt pol:pl cze:cs ces:cs slo:sk slk:sk slv:sl hrv:hr srp:sr bos:bs mac:mk mkd:mk "
        "bul:bg rum:ro ron:ro hun:hu gre:el ell:el tur:tr rus:ru ukr:uk bel:be kat:ka geo:ka arm:hy hye:hy aze:az kaz:kk "
        "uzb:uz heb:he ara:ar per:fa fas:fa urd:ur hin:hi ben:bn pan:pa guj:gu mar:mr tam:ta tel:te kan:kn mal:ml sin:si "
        "nep:ne mya:my bur:my tha:th lao:lo khm:km vie:vi ind:id may:ms msa:ms tgl:tl chi:zh zho:zh jpn:ja kor:ko mon:mn "
        "tib:bo bod:bo swa:sw amh:am som:so hau:ha yor:yo ibo:ig zul:zu xho:xh afr:af sot:st tsn:tn kin:rw mlg:mg lat:la "
        "gle:ga gla:gd wel:cy cym:cy bre:br baq:eu eus:eu cat:ca glg:gl oci:oc alb:sq sqi:sq mlt:mt ltz:lb epo:eo yid:yi",
    )
)
_LANGUAGES: Final = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "spanish": "es", "español": "es",
    "italian": "it", "italiano": "it", "portuguese": "pt", "português": "pt", "dutch": "nl", "nederlands": "nl",
    "swedish": "sv", "svenska": "sv", "danish": "da", "norwegian": "no", "finnish": "fi", "polish": "pl", "czech": "cs",
    "russian": "ru", "ukrainian": "uk", "greek": "el", "turkish": "tr", "arabic": "ar", "hebrew": "he", "hindi": "hi",
    "chinese": "zh", "japanese": "ja", "korean": "ko", "catalan": "ca", "hungarian": "hu", "romanian": "ro",
    "swahili": "sw", "estonian": "et", "slovenian": "sl", "british english": "en-GB", "american english": "en-US",
}  # fmt: skip


def language(text: str) -> tuple[str, str]:
    """A tag of BCP 47, out of codes of two or three letters and names in English."""
    text = text.strip()[:CHARS_LOOKED_AT].rpartition("/")[2]
    named = _LANGUAGES.get(text.lower())
    if named is not None:
        return named, f"The language {quoted(text)} was read as {named}."
    tag = language_tag(text)
    if tag is None or len(tag) > 16:
        return "", ""
    first, _, rest = tag.partition("-")
    short = _TWO_LETTERS.get(first, first)
    return f"{short}-{rest}" if rest else short, ""


# -- levels and types

_LEVELS: Final = {
    "beginner": "beginner", "beginners": "beginner", "introductory": "beginner", "introduction": "beginner",
    "novice": "beginner", "basic": "beginner", "foundation": "beginner", "entry": "beginner", "entry level": "beginner",
    "easy": "beginner", "anfänger": "beginner", "débutant": "beginner",
    "intermediate": "intermediate", "medium": "intermediate", "mid": "intermediate", "moderate": "intermediate",
    "advanced": "advanced", "expert": "advanced", "high": "advanced", "difficult": "advanced", "proficient": "advanced",
}  # fmt: skip

_TYPES: Final = {
    "slides": ("slide", "slides", "slide deck", "slidedeck", "presentation", "presentationdigitaldocument", "keynote",
               "talk", "talks", "lecture", "lecture slides", "powerpoint", "conferencepaper"),
    "lesson": ("lesson", "lessons", "module", "unit", "lecture notes", "learning activity", "activity", "workshop",
               "hands-on", "workshop material", "training material", "training materials", "learning resource",
               "learningresource", "trainingmaterial"),
    "guide": ("guide", "student guide", "guideline", "guidelines", "handbook", "manual", "documentation", "how-to", "howto",
              "guidebook", "best practice", "deliverable", "report", "strategy", "white paper", "whitepaper", "book",
              "textbook", "reading", "article", "chapter", "booklet", "techarticle", "standard", "policy", "plan"),
    "tutorial": ("tutorial", "tutorials", "e-learning", "elearning", "walkthrough", "notebook", "jupyter notebook"),
    "exercise": ("exercise", "exercises", "assessment", "assessment item", "quiz", "practical", "problem", "homework",
                 "drill and practice", "drill_and_practice", "questionnaire", "assignment", "exam"),
    "handout": ("handout", "worksheet", "cheat sheet", "cheatsheet", "cheat-sheet", "poster", "infographic", "image",
                "figure", "diagram", "leaflet", "tip sheet", "factsheet", "fact sheet", "text"),
    "template": ("template", "templates"),
    "checklist": ("checklist", "check list", "rubric"),
    "course": ("course", "full course", "full-course", "mooc", "online course", "short course", "training", "bootcamp"),
    "curriculum": ("curriculum", "syllabus", "lesson plan", "lesson-plan", "lesson_plan", "learning path",
                   "learning pathway", "programme", "program", "educational_scenario"),
    "video": ("video", "videos", "recording", "recordings", "webinar", "screencast", "videoobject", "film", "animation",
              "audiovisual"),
    "podcast": ("podcast", "audio", "audioobject", "podcastepisode", "sound"),
    "case-study": ("case study", "case-study", "case_study", "use case"),
    "dataset": ("dataset", "data", "data set", "database"),
    "software": ("software", "softwaresourcecode", "softwareapplication", "web application", "code", "simulation",
                 "application", "tool", "script"),
    "game": ("game", "educational_game", "simulation game", "role play"),
    "other": ("other", "miscellaneous", "misc"),
}  # fmt: skip
_TYPE_OF: Final = {word: kind for kind, words in _TYPES.items() for word in (kind, *words)}


def level(text: str) -> str:
    """One of the three levels, or ""."""
    word = " ".join(text[:CHARS_LOOKED_AT].lower().replace("-", " ").rpartition("/")[2].split())
    return _LEVELS.get(word.removesuffix(" level"), "")


def kind(text: str) -> str:
    """One of the types of resources, out of a word or the address of a concept (``https://w3id.org/kim/hcrt/slide``); or
    ""."""
    word = " ".join(text[:CHARS_LOOKED_AT].lower().split())
    if "://" in word:
        word = word.rstrip("/").rpartition("/")[2].rpartition("#")[2]
    for one in (word, word.removesuffix("s"), word.replace("_", " "), word.replace("-", " ")):
        if one in _TYPE_OF:
            return _TYPE_OF[one]
    return ""


# -- licences

_NAMED: Final = re.compile(
    r"(?:the\s+)?(?:creative commons|cc)[\s:,-]+(?P<kind>attribution(?:[\s,-]+(?:non[\s-]?commercial|share[\s-]?alike|"
    r"no[\s-]?deriv(?:ative|s)?(?:s|es)?)){0,2}|zero|0|public domain dedication)(?:\s+v?(?P<version>\d\.\d))?"
    r"(?:\s+(?:international|unported|generic|universal))*(?:\s+(?:public\s+)?licen[cs]e)?(?:\s*\(?cc[\s-]by[^)]{0,20}\)?)?\.?",
    re.IGNORECASE,
)
_WITHIN: Final = re.compile(
    r"https?://[^\s<>\"'()]{5,200}|\bcc[-\s]by(?:[-\s](?:nc|nd|sa)){0,2}[-\s]?\d\.\d\b|\bcc0\b", re.IGNORECASE
)


def licence(text: str) -> tuple[str, str]:
    """An SPDX expression, or the address of a licence that has none."""
    text = " ".join(text[:1_000].split())
    found = licences.normal(text)
    if found is not None:
        return found, ""
    named = _NAMED.fullmatch(text)
    if named is not None:
        return _of_name(text, named["kind"].lower(), named["version"])
    if "gnu.org/licenses/" in text:
        found = licences.normal(text.rstrip("/").rpartition("/")[2].removesuffix(".html").removesuffix(".en"))
        if found is not None:
            return found, f"{quoted(text)} was read as {found}."
    for part in _WITHIN.findall(text):
        found = licences.normal(part.rstrip(".,;")) or licences.normal(part.replace(" ", "-"))
        if found is not None and part != text:
            return found, f"{found} was found within {quoted(text)}."
    return "", ""


def _of_name(text: str, name: str, version: str | None) -> tuple[str, str]:
    if not name.startswith("attribution"):
        return "CC0-1.0", ""
    letters = re.sub(r"[\s,-]", "", name)
    parts = ["by"]
    for word, short in (("noncommercial", "nc"), ("noderiv", "nd"), ("sharealike", "sa")):
        if word in letters:
            parts.append(short)
    found = licences.normal(f"CC-{'-'.join(parts)}-{version or '4.0'}")
    if found is None:
        return "", ""
    return found, "" if version else f"{quoted(text)} names no version; it was taken for {found}."
