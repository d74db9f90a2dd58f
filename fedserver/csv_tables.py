"""Tables as CSV, for people who open them in a spreadsheet: the one place that writes any."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fedserver.errors import Invalid

# OWASP, "CSV Injection": the last four are the full-width forms, which spreadsheets of East Asia take for the first.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180; no cell begins as a formula would."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if header:
        writer.writerow([_cell(one) for one in header])
    for row in rows:
        writer.writerow([_cell(one) for one in row])
    return text.getvalue().encode()


def rows(body: bytes) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, cells without blanks around them) of each row that has anything in it, as `table` or a
    spreadsheet writes them. Raises Invalid, naming the line, for what is no table in UTF-8."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid({"file": "is no text in UTF-8"}) from error
    # PostgreSQL keeps no NUL, and no table has one.
    if "\0" in text:
        raise Invalid({"file": "is no table: there is a NUL in it"})
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    while True:
        begins = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid({"file": f"cannot be read as a table at line {begins}"}) from error
        cells = [_uncell(one.strip()) for one in row]
        if any(cells):
            yield begins, cells


def _delimiter(text: str) -> str:
    """Spreadsheets write semicolons where a comma stands in numbers."""
    first = text.partition("\n")[0]
    return ";" if ";" in first and "," not in first and "://" not in first else ","


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _uncell(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text
