"""A lesson with everything that can be said of one, and other people's schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FULL: dict[str, Any] = {
    "title": "FAIR data in 90 minutes </script><!-- & \"quotes\"",
    "abstract": "Slides and exercises for a first look at FAIR data.",
    "text": "What you need:\n\n* a laptop\n* *curiosity*",
    "language": "en",
    "types": ["slides", "exercise"],
    "authors": [
        {"name": "Ludwig van Beethoven", "orcid": "0000-0002-1825-0097", "affiliation": "University of Bonn",
         "ror": "https://ror.org/041nas322"},
        {"name": "Açıköz, Ayşe"},
        {"name": "Science and Society, Inc.", "kind": "Organization", "ror": "https://ror.org/05f950310"},
    ],
    "contributors": [{"name": "Eve Roe", "role": "translation"}],
    "licence": "CC-BY-4.0",
    "doi": "10.5281/zenodo.1234567",
    "identifiers": [{"value": "978-3-16-148410-0", "scheme": "isbn"}, {"value": "https://elsewhere.example/fair"}],
    "level": "beginner",
    "audience": ["PhD students"],
    "time_required_minutes": 90,
    "teaches": ["Explain the FAIR principles"],
    "prerequisites": ["Use a browser"],
    "topics": [{"label": "Data management", "uri": "http://edamontology.org/topic_3571"}, {"label": "Openness"}],
    "keywords": ["FAIR", "data & management"],
    "skills": [{"label": "Data stewardship"}],
    "accessibility": "All pictures are described.",
    "based_on": [
        {"uri": "https://o.example/1", "title": "Older lesson", "licence": "CC-BY-4.0"},
        {"uri": "https://o.example/2", "relation": "translation", "title": "FAIR auf Deutsch"},
        {"uri": "https://o.example/3", "relation": "part", "title": "A course"},
    ],
    "funders": [{"name": "European Commission", "ror": "https://ror.org/00k4n6c32", "grant": "101017452"}],
    "issued": "2026-03-01",
    "url": "https://lessons.example/fair?a=1&b={2}",
    "version": {"number": "1.2.0", "links": [{"url": "https://files.example/fair.pdf", "name": "fair.pdf"}]},
}  # fmt: skip


@pytest.fixture(scope="session")
def training_material(shared: Path) -> dict[str, Any]:
    """Bioschemas' own JSON Schema."""
    file = shared / "data/domain/vocab/bioschemas/TrainingMaterial_v1.0-RELEASE.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema
