"""Licences: SPDX expressions, which of them are open, and whether what is made from a work may carry another.

The list of names is SPDX's, as `license_expression` brings it. What a licence permits is known here for those under which
learning materials are shared; of others nothing is claimed.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, NamedTuple

from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing

CHARS_MAX: Final = 200


class Terms(NamedTuple):
    """What a licence permits and asks. `copyleft` licences want the same terms for what is made from the work."""

    derivatives: bool
    commercial: bool
    copyleft: bool


_FREE: Final = Terms(derivatives=True, commercial=True, copyleft=False)
_SAME: Final = Terms(derivatives=True, commercial=True, copyleft=True)
_NON_COMMERCIAL: Final = Terms(derivatives=True, commercial=False, copyleft=False)
_NON_COMMERCIAL_SAME: Final = Terms(derivatives=True, commercial=False, copyleft=True)
_NO_DERIVATIVES: Final = Terms(derivatives=False, commercial=True, copyleft=False)
_NO_DERIVATIVES_NC: Final = Terms(derivatives=False, commercial=False, copyleft=False)

# Families, by what a name begins with; the longest that fits counts.
_TERMS: Final = {
    "CC0-": _FREE,
    "CC-PDDC": _FREE,
    "PDDL-": _FREE,
    "ODC-By-": _FREE,
    "ODbL-": _SAME,
    "CC-BY-": _FREE,
    "CC-BY-SA-": _SAME,
    "CC-BY-NC-": _NON_COMMERCIAL,
    "CC-BY-NC-SA-": _NON_COMMERCIAL_SAME,
    "CC-BY-ND-": _NO_DERIVATIVES,
    "CC-BY-NC-ND-": _NO_DERIVATIVES_NC,
    "MIT": _FREE,
    "Apache-2.0": _FREE,
    "BSD-": _FREE,
    "ISC": _FREE,
    "Unlicense": _FREE,
    "0BSD": _FREE,
    "GPL-": _SAME,
    "LGPL-": _SAME,
    "AGPL-": _SAME,
    "MPL-2.0": _SAME,
    "EUPL-": _SAME,
    "GFDL-": _SAME,
    "OFL-": _SAME,
    "LAL-": _SAME,
    "Etalab-": _FREE,
    "OGL-UK-": _FREE,
}

# Addresses of Creative Commons' deeds and of their kin, as people and other catalogues give them.
_DEED: Final = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/(?P<kind>[a-z-]+)/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,3})\b)?.*",
    re.IGNORECASE,
)
_SPDX_PAGE: Final = re.compile(
    r"https?://(?:www\.)?spdx\.org/licenses/(?P<name>[A-Za-z0-9.+-]+?)(?:\.html|\.json)?/?"
)
_OPEN_SOURCE: Final = re.compile(
    r"https?://(?:www\.)?opensource\.org/licenses?/(?P<name>[A-Za-z0-9.-]+?)(?:\.php)?/?"
)
_SPELLED: Final = re.compile(
    r"cc[-\s]*(?P<kind>0|zero|by(?:[-\s]+(?:nc|nd|sa))*)[-\s]*(?P<version>\d\.\d)?(?:\s*(?:international|unported|universal))?",
    re.IGNORECASE,
)
_CHOICE: Final = (
    "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "MIT",
    "Apache-2.0", "GPL-3.0-or-later", "AGPL-3.0-or-later",
)  # fmt: skip


@cache
def _spdx() -> Licensing:
    return get_spdx_licensing()


@cache
def _by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in _spdx().known_symbols if not name.startswith("LicenseRef-")}


def usual() -> tuple[str, ...]:
    """Those that a form offers first."""
    return _CHOICE


def names() -> list[str]:
    """Every licence that SPDX lists."""
    return sorted(_by_lower_case().values())


def normal(text: str) -> str | None:
    """The licence as an SPDX expression, out of a name, an expression or the address of a licence; None when it is none
    that SPDX lists."""
    text = text.strip()
    if not text or len(text) > CHARS_MAX:
        return None
    found = _of_address(text) or _by_lower_case().get(text.lower()) or _spelled(text)
    if found is not None:
        return found
    parsed = _parsed(text, validate=True)
    return None if parsed is None else str(parsed)


def _parsed(text: str, *, validate: bool) -> Any:
    """The expression, or None for what is none."""
    try:
        return _spdx().parse(text, validate=validate)
    except (ExpressionError, ValueError, RecursionError, IndexError, AssertionError):
        # The last two for brackets around nothing, and beside names that nothing joins.
        return None


def _of_address(text: str) -> str | None:
    deed = _DEED.fullmatch(text)
    if deed is not None:
        kind, version = deed["kind"].lower(), deed["version"]
        if kind == "zero":
            return "CC0-1.0"
        port = (deed["port"] or "").upper()
        names = (f"CC-{kind}-{version}-{port}", f"CC-{kind}-{version}")
        return next((_by_lower_case()[one.lower()] for one in names if one.lower() in _by_lower_case()), None)
    page = _SPDX_PAGE.fullmatch(text) or _OPEN_SOURCE.fullmatch(text)
    return None if page is None else _by_lower_case().get(page["name"].lower())


def _spelled(text: str) -> str | None:
    """``CC BY 4.0``, ``cc-by-sa``, ``CC0``."""
    match = _SPELLED.fullmatch(text)
    if match is None:
        return None
    if match["kind"].lower() in ("0", "zero"):
        return "CC0-1.0"
    kind = re.sub(r"[-\s]+", "-", match["kind"]).upper()
    return _by_lower_case().get(f"cc-{kind}-{match['version'] or '4.0'}".lower())


def address(licence: str) -> str:
    """Where a licence can be read: of a single SPDX name its page, of an address itself; "" for a longer expression."""
    if "://" in licence:
        return licence
    if licence.lower() not in _by_lower_case():
        return ""
    deed = re.fullmatch(r"CC-(?P<kind>BY[A-Z-]*?)-(?P<version>\d\.\d)(?:-(?P<port>[A-Z]+))?", licence)
    if deed is not None:
        port = f"{deed['port'].lower()}/" if deed["port"] else ""
        return f"https://creativecommons.org/licenses/{deed['kind'].lower()}/{deed['version']}/{port}"
    if licence == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    return f"https://spdx.org/licenses/{licence}"


def spdx_address(licence: str) -> str:
    """The page of a single SPDX name in SPDX's own list, else what `address` gives."""
    return f"https://spdx.org/licenses/{licence}" if licence.lower() in _by_lower_case() else address(licence)


def terms(licence: str) -> Terms | None:
    """What a licence permits; of ``A OR B`` the freer, of ``A AND B`` both. None where that is not known."""
    if not licence or "://" in licence or len(licence) > CHARS_MAX:
        return None
    parsed = _parsed(licence, validate=False)
    return None if parsed is None else _terms_of(parsed)


def _terms_of(parsed: Any) -> Terms | None:
    if isinstance(parsed, LicenseSymbol) or not getattr(parsed, "args", ()):
        name = str(parsed)
        fitting = [prefix for prefix in _TERMS if name.startswith(prefix)]
        return _TERMS[max(fitting, key=len)] if fitting else None
    parts = [_terms_of(one) for one in parsed.args]
    known = [one for one in parts if one is not None]
    if parsed.operator.strip() == "OR":
        return max(known, key=lambda one: (one.derivatives, one.commercial, not one.copyleft), default=None)
    if len(known) < len(parts):
        return None
    return Terms(
        all(one.derivatives for one in known),
        all(one.commercial for one in known),
        any(one.copyleft for one in known),
    )


def is_open(licence: str) -> bool:
    """Whether everybody may use, change and share the work for any purpose (Open Definition 2.1), as an open educational
    resource wants it."""
    found = terms(licence)
    return found is not None and found.derivatives and found.commercial


def conflict(licence: str, source: str) -> str | None:
    """What speaks against publishing under `licence` what was made from a work under `source`: a sentence, or None. Where
    the terms of either are not known nothing is claimed."""
    theirs, ours = terms(source), terms(licence)
    if theirs is None:
        return None
    if not theirs.derivatives:
        return f"{source} does not permit sharing changed versions."
    if not licence:
        return f"What is made from a work under {source} needs a licence of its own."
    if ours is None:
        return None
    if theirs.copyleft and not _same_family(licence, source):
        return f"What is made from a work under {source} has to be under the same licence, not {licence}."
    if not theirs.commercial and ours.commercial:
        return f"{source} does not permit commercial use, which {licence} would."
    return None


def _same_family(licence: str, source: str) -> bool:
    """The same licence, perhaps in a later version: CC BY-SA 4.0 for a work under 3.0; or one that it names as compatible."""

    def family(name: str) -> str:
        return re.sub(r"-\d.*", "", name)

    if family(licence) == family(source):
        return True
    # Creative Commons: BY-SA 4.0 may go into GPL-3.0 works (2015).
    return source == "CC-BY-SA-4.0" and licence.startswith("GPL-3.0")
