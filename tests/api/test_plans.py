"""The statements behind every page find their rows by an index, however much there is in the tables."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from pathlib import Path

import pytest

from fedserver import noticeboard, threads, timelines
from storage import cards
from storage.hot import Hot
from tests import databases

STATEMENTS = {
    "home": timelines._home._down,
    "home upwards": timelines._home._up,
    "public": timelines._public._down,
    "local": timelines._public_side._down,
    "list": timelines._list._down,
    "hashtag": timelines._tagged._down,
    "hashtags": timelines._tagged_any._down,
    "account": timelines._of_account._down,
    "account for nobody": timelines._of_account_public._down,
    "posts": timelines._by_ids,
    "posts for nobody": timelines._by_ids_public,
    "thread": threads._thread,
    "notifications": noticeboard._page._down,
    "marks": cards.MARKS,
    "polls": cards.POLLS,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_table_is_read_from_end_to_end(name: str, tmp_path: Path) -> None:
    statement: Hot[object] = STATEMENTS[name]
    path = databases.sqlite_database(tmp_path).removeprefix("sqlite:///")
    text, constants = statement._on("sqlite")[:2]
    parameters: defaultdict[str, object] = defaultdict(int, constants)
    for listed in ("ids", "threads", "types", "keys", "all_keys", "none_keys"):
        parameters[listed] = "[1]"
    with sqlite3.connect(path) as conn:
        plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {text}", parameters)]
    # `line` is what the query found, packed into one text; `choice` is the three that the poll of an event has.
    no_tables = ("SCAN line", "SCAN choice", "SCAN CONSTANT ROW")
    scanned = [
        step for step in plan if step.startswith("SCAN") and step not in no_tables and "json_each" not in step
    ]
    assert scanned == []
    assert not any("MULTI-INDEX" in step for step in plan)
    if name not in ("marks", "polls", "thread", "hashtags"):
        assert not any("TEMP B-TREE" in step for step in plan)
