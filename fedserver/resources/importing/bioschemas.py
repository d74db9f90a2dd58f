"""Files with JSON-LD of Bioschemas, schema.org or AMB, or pages that have it in them; alone or in folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fedserver.resources.importing import files, jsonld, webpage
from fedserver.resources.importing.receipts import Read

ENDINGS: Final = (".json", ".jsonld", ".html", ".htm")


def read_paths(paths: Sequence[Path]) -> Read:
    """The resources in these files and folders. Raises Invalid. Blocks."""
    return files.read_each(paths, ENDINGS, _read)


def _read(text: str, name: str) -> Read:
    if name.lower().endswith((".html", ".htm")):
        return webpage.read(text, "", source=name)
    return jsonld.read(text, source=name)
