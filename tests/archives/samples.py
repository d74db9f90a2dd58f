"""Archives made on the spot: small ones with every oddity, and large ones."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from fedserver.archives.records import Archive

BEGAN = datetime(2019, 3, 4, 9, 0, tzinfo=UTC)


def letter(
    head: str, body: str = "Text", *, separator: str = "From ana@example.org Mon Mar  4 09:00:00 2019"
) -> bytes:
    """One message of an mbox file, as it stands there."""
    return f"{separator}\n{head.strip()}\n\n{body}\n\n".encode()


def mbox(path: Path, *letters: bytes) -> Path:
    path.write_bytes(b"".join(letters))
    return path


def large_mbox(path: Path, messages: int, *, people: int = 200, answers: int = 9) -> Path:
    """Threads of ten messages each by many people, some with long quotes."""
    with path.open("wb") as file:
        for number in range(messages):
            thread, place = divmod(number, answers + 1)
            sent = BEGAN + timedelta(minutes=7 * number)
            who = (number * 13) % people
            lines = [
                f"From: Person {who} <person{who}@lists.example>",
                f"Date: {format_datetime(sent)}",
                f"Message-ID: <{number}@lists.example>",
                f"Subject: {'Re: ' if place else ''}[trainers] Question {thread} about lesson {thread % 40}",
            ]
            if place:
                first, parent = thread * (answers + 1), number - 1 - (number % 3 == 0 and place > 1)
                lines += [
                    f"In-Reply-To: <{parent}@lists.example>",
                    f"References: <{first}@lists.example> <{parent}@lists.example>",
                ]
            quoted = "".join(f"> line {line} of what was said before\n" for line in range(place))
            body = f"{quoted}What I found about topic {thread % 97} is number {number}, which works well."
            file.write(letter("\n".join(lines), body))
    return path


def slack(path: Path, files: Mapping[str, Any]) -> Path:
    """A zip of these JSON files (values that are bytes are written as they are)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def slack_user(user_id: str, name: str, email: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": user_id,
        "name": name.lower(),
        "profile": {"real_name": name, "display_name": "", "email": email},
        **more,
    }


def ts(minutes: float = 0, *, serial: int = 0) -> str:
    return f"{int((BEGAN + timedelta(minutes=minutes)).timestamp())}.{serial:06d}"


def said(user: str, text: str, minutes: float = 0, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": ts(minutes), **more}


def large_slack(path: Path, *, members: int = 500, days: int = 40, a_day: int = 50) -> Path:
    """A workspace of many members who talk in two channels, half of it in threads."""
    files: dict[str, Any] = {
        "users.json": [
            slack_user(f"U{one:05d}", f"Member {one}", f"m{one}@example.org") for one in range(members)
        ],
        "channels.json": [{"id": "C1", "name": "general"}, {"id": "C2", "name": "help"}],
    }
    for number, channel in enumerate(("general", "help")):
        for day in range(days):
            rows = []
            for one in range(a_day):
                who = f"U{(day * a_day + one * 7 + number) % members:05d}"
                at = day * 1440 + one * 10 + number
                more = {"thread_ts": ts(day * 1440 + (one - one % 2) * 10 + number)} if one % 2 else {}
                rows.append(
                    said(
                        who,
                        f"Message {one} of day {day} for <@U00001> about *lesson {one % 9}* :tada:",
                        at,
                        **more,
                    )
                )
            files[f"{channel}/{(BEGAN + timedelta(days=day)).date()}.json"] = rows
    return slack(path, files)


def measured(opened: Callable[[], Archive]) -> tuple[int, int]:
    """How many entries an archive has, and how many bytes reading them took at the most at once."""
    tracemalloc.start()
    try:
        archive = opened()
        count = sum(1 for _ in archive.entries())
        archive.close()
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
