"""The door: what gets in, and what it is taken for."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import Malformed
from activitypub.names import PUBLIC
from activitypub.values import (
    BODY_BYTES_MAX,
    DEPTH_MAX,
    KEYS_MAX,
    format_time,
    id_of,
    ids_of,
    language_of,
    normalise,
    parse_json,
    parse_time,
    text_of,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5), st.booleans())
def test_every_json_object_within_the_limits_is_read_as_it_was_written(document, ascii_only):
    assert parse_json(json.dumps(document, ensure_ascii=ascii_only).encode()) == document


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_a_refusal(body):
    try:
        document = parse_json(body)
    except Malformed:
        document = {}
    assert isinstance(document, dict)


@pytest.mark.parametrize(
    "body",
    [
        b'{"actor": 1, "actor": 2}',
        b'{"a": [{"b": 1, "\\u0062": 2}]}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": 1} x',
        b'{"a": "unfinished',
        b"[]",
        b'"text"',
        b"",
        b'{"a": ' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}",
        b'{"a": ' + b"[" * 500_000,
        b"{" + b",".join(b'"%d": 1' % number for number in range(KEYS_MAX + 1)) + b"}",
        b'{"a": "' + b"x" * BODY_BYTES_MAX + b'"}',
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_what_is_refused_at_the_door(body):
    with pytest.raises(Malformed):
        parse_json(body)


def test_the_limits_themselves_are_allowed():
    parse_json(b'{"a": ' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}")
    parse_json(b"{" + b",".join(b'"%d": 1' % number for number in range(KEYS_MAX)) + b"}")
    parse_json(b'{"a": "' + b"x" * (BODY_BYTES_MAX - 9) + b'"}')


def test_braces_and_colons_in_strings_count_for_nothing():
    text = '[{":\\' * 1000
    assert parse_json(json.dumps({"a": text}).encode()) == {"a": text}


def test_long_spellings_become_short():
    assert normalise(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "@id": "https://b.example/1",
            "@type": ["as:Note"],
            "as:content": "hi",
            "https://www.w3.org/ns/activitystreams#tag": [{"@type": "as:Mention", "href": "x"}],
            "toot:focalPoint": [0, 1],
        }
    ) == {
        "id": "https://b.example/1",
        "type": ["Note"],
        "content": "hi",
        "tag": [{"type": "Mention", "href": "x"}],
        "toot:focalPoint": [0, 1],
    }


@pytest.mark.parametrize(
    "document",
    [
        {"@graph": []},
        {"object": {"@included": []}},
        {"tag": [{"@reverse": {}}]},
        {"id": "https://b.example/1", "@id": "https://b.example/2"},
        {"actor": "https://b.example/1", "as:actor": "https://b.example/2"},
        {"@context": {"actor": "https://evil.example/#nothing"}},
        {"@context": ["https://www.w3.org/ns/activitystreams", {"id": "as:url"}]},
        {"@context": [{"publicKey": {"@id": "https://evil.example/#key", "@type": "@id"}}]},
        {"@context": {"as": "https://evil.example/#", "actor": "as:actor"}},
        {"@context": {"Note": {"@id": "as:Note", "@context": {"attributedTo": "as:name"}}}},
        {"object": {"@context": {"cc": None}}},
    ],
    ids=str,
)
def test_documents_that_a_processor_would_read_otherwise_are_refused(document):
    with pytest.raises(Malformed):
        normalise(document)


def test_contexts_that_repeat_the_standard_meaning_are_fine():
    context = {
        "as": "https://www.w3.org/ns/activitystreams#",
        "id": "@id",
        "type": "@type",
        "inbox": {"@id": "ldp:inbox", "@type": "@id"},
        "publicKey": {"@id": "https://w3id.org/security#publicKey", "@type": "@id"},
        "to": {"@id": "as:to", "@type": "@id"},
    }
    assert normalise({"@context": [context], "id": "x"}) == {"id": "x"}


@pytest.mark.parametrize("spelling", [PUBLIC, "as:Public", "Public"])
def test_the_public_collection_has_one_name(spelling):
    assert ids_of({"to": spelling}, "to") == (PUBLIC,)
    assert id_of({"id": spelling}) == PUBLIC


def test_addresses_are_found_in_every_form_and_each_once():
    document = {"to": ["a", {"id": "b"}, {"href": "c"}, None, 7, {}, "a"], "cc": "b"}
    assert ids_of(document, "to", "cc", "missing") == ("a", "b", "c")


def test_text_comes_from_the_value_or_its_language_map():
    assert text_of({"content": "x", "contentMap": {"en": "y"}}, "content") == "x"
    assert text_of({"content": None, "contentMap": {"en": "y"}}, "content") == "y"
    assert text_of({"name": {"@value": "x", "@language": "de"}}, "name") == "x"
    assert text_of({"name": ["x", "y"]}, "name") == "x"
    assert text_of({"name": "a\0b"}, "name") == "ab"
    assert text_of({"name": 7, "nameMap": "no map"}, "name") is None


@pytest.mark.parametrize(
    ("document", "language"),
    [
        ({"content": "x", "contentMap": {"de": "x"}}, "de"),
        ({"content": "y", "contentMap": {"de": "x", "pt-BR": "y"}}, "pt-BR"),
        ({"contentMap": {"de": "x"}}, "de"),
        ({"content": {"@value": "x", "@language": "fr"}}, "fr"),
        ({"content": "x", "contentMap": {"und": "x"}}, None),
        ({"content": "x", "contentMap": {"not a tag": "x"}}, None),
        ({"content": "x"}, None),
    ],
)
def test_the_language_is_that_of_the_text(document, language):
    assert language_of(document, "content") == language


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T20:00:00Z", datetime(2026, 11, 21, 20, tzinfo=UTC)),
        ("2026-11-21T20:00:00.123456789+01:00", datetime(2026, 11, 21, 19, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-21T20:00:00", datetime(2026, 11, 21, 20, tzinfo=UTC)),
        ("2026-11-21t20:00z", datetime(2026, 11, 21, 20, tzinfo=UTC)),
        ("2026-11-21 20:00:00 +0530", datetime(2026, 11, 21, 14, 30, tzinfo=UTC)),
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-21T20:00:00+99:99", None),
        ("yesterday", None),
        (1795294800, None),
        ({"@value": "2026-11-21"}, datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
def test_times_are_instants_or_nothing(text, moment):
    assert parse_time(text) == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_we_write_is_read_back_to_the_millisecond(moment):
    assert parse_time(format_time(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
