"""Opportunities as tests post them, and time that passes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.members import Person

OPPORTUNITIES: Final = "/api/v1/opportunities"


def wall(days: float = 14, at: str = "T17:00") -> str:
    """Wall time that many days from now; with an empty `at` the day."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime(f"%Y-%m-%d{at}")


def job(**more: Any) -> dict[str, Any]:
    """What somebody sends of a job."""
    return {
        "title": "Training coordinator", "kind": "job", "abstract": "Run our courses.", "text": "You will *teach*.",
        "organisation": {"name": "Institute of Practice", "url": "https://institute.example"},
        "place": {"locality": "Uppsala", "country": "Sweden"}, "remote": "partly",
        "pay": {"least": 40000, "most": 48000.5, "currency": "SEK", "period": "month"},
        "deadline": wall(), "zone": "Europe/Stockholm", "topics": ["data management", "teaching"],
        "apply_url": "https://institute.example/jobs/1", "language": "en", **more,
    }  # fmt: skip


def call(**more: Any) -> dict[str, Any]:
    """A call to which one applies here."""
    form = {
        "questions": [
            {"label": "Why you?", "kind": "long", "required": True},
            {"label": "Your project", "kind": "short", "required": True},
            {"label": "Track", "kind": "choice", "choices": ["Beginner", "Advanced"]},
            {"label": "Website", "kind": "link"},
        ],
        "criteria": ["Idea", "Feasibility"], "blind": True, "team_max": 3, **more.pop("form", {}),
    }  # fmt: skip
    return job(**{"title": "Cohort call", "kind": "call", "apply_url": "", "form": form, **more})


async def refused(who: Person, path: str, form: Any = None, method: str = "POST") -> tuple[int, str]:
    answer = await who.raw(method, path, json=form or {})
    return answer.status, (await answer.json())["error"]


async def titles(who: Person, **query: Any) -> list[str]:
    """What somebody finds on the board, in its order."""
    return [one["title"] for one in await who.get(OPPORTUNITIES, **query)]


def set_clock(monkeypatch: pytest.MonkeyPatch, at_ms: int) -> None:
    """For opportunities it is this instant from now on."""
    for name, module in list(sys.modules.items()):
        if name.startswith("fedserver.opportunities.") and hasattr(module, "now_ms"):
            monkeypatch.setattr(module, "now_ms", lambda: at_ms)
