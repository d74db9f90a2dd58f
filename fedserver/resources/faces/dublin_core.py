"""A resource in unqualified Dublin Core (``oai_dc``), which every harvester reads."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from fedserver.content.xml import add, located
from fedserver.resources.faces.entry import Entry

PREFIX: Final = "oai_dc"
NAMESPACE: Final = "http://www.openarchives.org/OAI/2.0/oai_dc/"
SCHEMA: Final = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_DC: Final = "http://purl.org/dc/elements/1.1/"


def record(entry: Entry, parent: ET.Element) -> None:
    """Add the metadata to `parent`."""
    row, details = entry.row, entry.details
    root = ET.SubElement(parent, "oai_dc:dc", {**located(NAMESPACE, SCHEMA, "oai_dc"), "xmlns:dc": _DC})
    said: list[tuple[str, str]] = [
        ("title", row.title),
        *(("creator", one.name) for one in details.authors),
        *(
            ("subject", one)
            for one in dict.fromkeys((*details.keywords, *(topic.label for topic in details.topics)))
        ),
        ("description", entry.description),
        ("publisher", entry.publisher),
        *(("contributor", one.name) for one in details.contributors),
        ("date", entry.issued),
        *(("type", one.replace("-", " ")) for one in details.types),
        *(("format", one) for one in dict.fromkeys(file.media_type for file in entry.files)),
        ("identifier", entry.doi_url),
        ("identifier", entry.url),
        ("identifier", entry.page if entry.page != entry.url else ""),
        *(("identifier", one.value) for one in details.identifiers),
        *(("source", one.uri) for one in details.based_on if one.relation != "part"),
        *(("relation", one.uri) for one in details.based_on if one.relation == "part"),
        *(("relation", one.uri) for one in entry.derived),
        ("language", row.language),
        ("rights", details.licence),
        ("rights", entry.licence_url),
    ]
    for name, text in said:
        if text:
            add(root, f"dc:{name}", text)
