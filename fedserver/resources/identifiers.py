"""Identifiers of people, works and organisations as people write them, brought to one form, or refused."""

from __future__ import annotations

import re
from typing import Final

# ORCID: "Structure of the ORCID Identifier"; the last character is the check of ISO 7064 MOD 11-2.
_ORCID: Final = re.compile(
    r"(?:https?://(?:www\.)?orcid\.org/)?(\d{4})[-\s]?(\d{4})[-\s]?(\d{4})[-\s]?(\d{3}[\dXx])/?",
    re.ASCII,
)
# DOI Handbook 2.2: a prefix "10." and a number, a slash, and whatever follows.
_DOI: Final = re.compile(
    r"(?:(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}(?:\.\d+)*/\S+)", re.IGNORECASE
)
# ROR: "https://ror.org/0" and eight characters of Crockford's base 32, the last two digits a check.
_ROR: Final = re.compile(r"(?:https?://)?ror\.org/(0[a-hj-km-np-tv-z0-9]{6}\d{2})/?", re.IGNORECASE)
DOI_CHARS_MAX: Final = 300


def orcid(text: str) -> str | None:
    """``0000-0002-1825-0097``, out of whatever people paste; None when the check digit or the form is wrong."""
    match = _ORCID.fullmatch(text.strip())
    if match is None:
        return None
    digits = "".join(match.groups()).upper()
    return (
        "-".join(digits[at : at + 4] for at in range(0, 16, 4))
        if _check_of(digits[:-1]) == digits[-1]
        else None
    )


def _check_of(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return "X" if check == 10 else str(check)


def doi(text: str) -> str | None:
    """``10.5281/zenodo.1234567`` in lower case (DOIs do not tell cases apart); None when it is none."""
    match = _DOI.fullmatch(text.strip())
    return match[1].lower() if match is not None and len(match[1]) <= DOI_CHARS_MAX else None


def doi_address(name: str) -> str:
    """Where a DOI leads."""
    return f"https://doi.org/{name}"


def ror(text: str) -> str | None:
    """``https://ror.org/05f950310``; None when it is none."""
    match = _ROR.fullmatch(text.strip())
    return None if match is None else f"https://ror.org/{match[1].lower()}"
