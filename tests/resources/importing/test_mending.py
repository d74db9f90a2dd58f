"""JSON that is none: what is mended and where, and what is refused, whatever it costs the one who sent it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedserver.errors import Invalid, TooLarge
from fedserver.resources.importing.mending import CHARS_MAX, DEPTH_MAX, mended

BROKEN: list[tuple[str, Any, str, int, int]] = [
    ('{"a": 1\n "b": 2}', {"a": 1, "b": 2}, "comma was missing", 1, 8),
    ('{"a": "x"\n "b": 2}', {"a": "x", "b": 2}, "comma was missing", 1, 10),
    ('{"a": {"b": 1}\n"c": 2}', {"a": {"b": 1}, "c": 2}, "comma was missing", 1, 15),
    ("[1,\n2,\n]", [1, 2], "comma too many", 3, 1),
    ('{"a": 1,}', {"a": 1}, "comma too many", 1, 9),
    ('{"a": [1,,2]}', {"a": [1, 2]}, ", too many", 1, 10),
    ('{"a": "one\ntwo"}', {"a": "one\ntwo"}, "Lines broke", 1, 11),
    ('\ufeff{"a": 1}', {"a": 1}, "byte order mark", 1, 1),
    ('{"a": 1 /* one */}', {"a": 1}, "comment", 1, 9),
    ('{// one\n"a": 1}', {"a": 1}, "comment", 1, 2),
    ('<!-- {"a": 1} -->', {"a": 1}, "comment", 1, 1),
    ("{'a': 'it\\'s'}", {"a": "it's"}, "Quotation marks of another kind", 1, 2),
    ("{“a”: “b”}", {"a": "b"}, "Quotation marks of another kind", 1, 2),
    ("{a: 1}", {"a": 1}, "name without quotation marks", 1, 2),
    ('{"a" "b"}', {"a": "b"}, "colon was missing", 1, 6),
    ("{a = 1}", {"a": 1}, "in place of a colon", 1, 4),
    ('{"a": True, "b": None}', {"a": True, "b": None}, "word of another language", 1, 7),
    ('{"a": word}', {"a": "word"}, "text without quotation marks", 1, 7),
    ('{"a": "He said "no" to it"}', {"a": 'He said "no" to it'}, "within a text", 1, 16),
    ('{"a": "one", two", "b": 1}', {"a": 'one", two', "b": 1}, "within a text", 1, 11),
    ('{"a": [1, 2}', {"a": [1, 2]}, "] was missing", 1, 12),
    ('{"a": {"b": 1}', {"a": {"b": 1}}, "} was missing", 1, 15),
    ('{"a": "b', {"a": "b"}, "did not end", 1, 7),
    ('{"a": 1}}', {"a": 1}, "} too many", 1, 9),
    ('{"a": 1};', {"a": 1}, "; too many", 1, 9),
    ('{"a": 1} {"b": 2}', [{"a": 1}, {"b": 2}], "Another object", 1, 10),
    ('{"a": "\\q"}', {"a": "q"}, "backslash", 1, 8),
    ('{"a": "x\x01y"}', {"a": "xy"}, "control character", 1, 9),
    ('{"a": 1, "a": 2}', {"a": 2}, "second time", 1, 10),
    ("{&quot;a&quot;: 1}", {"a": 1}, "&quot;", 1, 1),
]


@pytest.mark.parametrize(("text", "value", "said", "line", "column"), BROKEN, ids=[one[0] for one in BROKEN])
def test_what_is_broken_is_mended_and_its_place_is_named(
    text: str, value: Any, said: str, line: int, column: int
) -> None:
    found = mended(text)
    assert found.value == value
    assert any(said in one.sentence and (one.line, one.column) == (line, column) for one in found.mendings), (
        found.mendings
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(JSON)
def test_what_is_json_is_read_as_it_is(value: Any) -> None:
    assert mended(json.dumps(value)) == (value, ())


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=5), st.integers(0, 3))
def test_a_comma_too_many_changes_no_value(value: dict[str, Any], indent: int) -> None:
    text = json.dumps(value, indent=indent)
    assert mended(f"{text[:-1].rstrip()},}}").value == value


@given(st.text(alphabet="{}[]\",:ab1 \n\\/*'", max_size=80))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(Invalid):  # anything else would be a fault
        mended("{" + text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        '{"a":' * 200_000,
        "[" * 100 + "]" * 100,
        '{"a": "' + '"x' * 500_000,
        "[" + "," * 1_000_000,
        "[" + "1," * 300_000 + "1]",
        "{" + "/**/" * 500_000,
        '{"a": ' + '" ,' * 500_000,
        "hello",
        "",
        "<html>",
    ],
    ids=lambda text: f"{text[:8]}… {len(text)}",
)
def test_what_is_hostile_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises((Invalid, TooLarge)) as raised:
        mended(text)
    assert str(raised.value).endswith(".")


def test_it_is_not_read_beyond_its_limits() -> None:
    with pytest.raises(TooLarge):
        mended('{"a": "' + "x" * CHARS_MAX + '"}')
    with pytest.raises(Invalid, match=str(DEPTH_MAX)):
        mended("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))
    assert mended("[" * DEPTH_MAX + "]" * DEPTH_MAX).mendings == ()
