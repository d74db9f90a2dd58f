"""Texts and elements of XML, as feeds and catalogues want them."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

# What XML 1.0 has no way to write (§2.2): most controls, lone surrogates, two noncharacters.
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_safe(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("", text)


def add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    """A new element at the end of `parent`, with this text; attributes that are empty are left out."""
    element = ET.SubElement(
        parent, name, {key: xml_safe(value) for key, value in attributes.items() if value}
    )
    element.text = xml_safe(text) or None
    return element


def located(namespace: str, schema: str, prefix: str = "") -> dict[str, str]:
    """The attributes of an element that begins a namespace, written as they will stand, and says where its schema is.

    What is written by hand may have a default namespace within another, which ElementTree's own names cannot."""
    return {
        f"xmlns:{prefix}" if prefix else "xmlns": namespace,
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "xsi:schemaLocation": f"{namespace} {schema}",
    }


def as_bytes(root: ET.Element) -> bytes:
    """The document in UTF-8, with its declaration."""
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
