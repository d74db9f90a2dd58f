"""Routes that do not answer as documented yet. The list only shrinks."""

from __future__ import annotations

NOT_YET: set[str] = set()
