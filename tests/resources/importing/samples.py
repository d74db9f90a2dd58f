"""Small things to import, with every oddity, and what is asked of a library afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from fedserver.context import Server
from fedserver.resources.importing.filling import Report, fill
from fedserver.resources.importing.receipts import Found, Kind, Read, Receipt
from storage import tables
from storage.tables.base import metadata

LIBRARY = """
Working openly:
  Canvas:
    description: Plan what you do
    talks:
    - title: "Plan openly &amp; <b>well</b>"
      slides: https://slides.example/canvas
      speakers: [ada, nobody-knows]
      recording: https://videos.example/1?t=10
      date: '2024-03-05'
      cohort: spring
    - title: Open Canvas
      slides: https://slides.example/open
      speakers: [ben]
      date: September 25, 2024
      cohort: autumn
    - title: Open Canvas
      slides: https://slides.example/open
      speakers: [ben]
      date: '2024-09-25'
      cohort: autumn
  Not tagged:
    talks:
    - title: Open Canvas
      speakers: [ben]
      slides: https://slides.example/open
      date: '2025-03-01'
      cohort: later
      mood: good
    - no talk
    - speakers: []
      date: '2024-01-01'
      cohort: spring
"""
PEOPLE = """
ada: {first-name: Ada, last-name: Doe, affiliation: A University, orcid: ' 0000000218250097'}
ben: {first-name: Ben, last-name: Roe, orcid: 0000-0002-1825-0098}
"""

LESSON: dict[str, Any] = {
    "@context": "https://schema.org/",
    "@type": "LearningResource",
    "@id": "https://lessons.example/fair",
    "name": "FAIR data in 90 minutes",
    "description": "Slides and exercises for a first look at FAIR data.",
    "keywords": "FAIR, data management",
    "author": [
        {"@type": "Person", "name": "Ada Doe", "@id": "https://orcid.org/0000-0002-1825-0097"},
        "Ben Roe",
        {"@type": "Organization", "name": "A University", "url": "https://university.example"},
    ],
    "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"},
    "learningResourceType": ["slides", "exercise"],
    "educationalLevel": "Beginner",
    "inLanguage": "en",
    "timeRequired": "PT90M",
    "url": "https://lessons.example/fair",
    "identifier": "DOI:10.5281/zenodo.1234567",
    "version": "1.2",
    "datePublished": "2024-05-06",
}


def lesson(**changes: Any) -> str:
    """The lesson as JSON-LD, with other values for some names (None: without them)."""
    wanted = {**LESSON, **changes}
    return json.dumps({name: value for name, value in wanted.items() if value is not None})


def write_library(folder: Path, library: str = LIBRARY, people: str = PEOPLE) -> Path:
    """A folder with both files of such a library."""
    folder.mkdir(exist_ok=True)
    (folder / "library.yaml").write_text(library)
    (folder / "people.yaml").write_text(people)
    return folder


def only(read: Read) -> Found:
    """The one resource that there is."""
    assert len(read.found) == 1, read
    return read.found[0]


def sentences(receipt: Receipt, kind: Kind, field: str) -> str:
    """What a receipt says of a field."""
    return " ".join(one.sentence for one in getattr(receipt, kind) if one.field == field)


async def brought_in(server: Server, read: Read, name: str = "alice", **options: Any) -> Report:
    """What became of these, brought in as a member's."""
    return await fill(server, name, read, **options)


def everything(conn: Connection) -> dict[str, Any]:
    """How many rows each table has, and what of posts and resources changes with an edit."""
    found: dict[str, Any] = {
        table.name: conn.scalar(select(func.count()).select_from(table))
        for table in metadata.sorted_tables
        if table.name != "member_day"  # who was here today
    }
    posts = select(tables.post.c.id, tables.post.c.version, tables.post.c.edited_at).order_by(
        tables.post.c.id
    )
    kept = select(tables.resource.c.post_id, tables.resource.c.changed_at, tables.resource.c.version)
    found["posts"] = [tuple(one) for one in conn.execute(posts)]
    found["resources"] = [tuple(one) for one in conn.execute(kept.order_by(tables.resource.c.post_id))]
    return found
