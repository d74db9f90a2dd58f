"""Commands for what all members are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from sqlalchemy import Connection

from fedserver import announcements
from fedserver.announcements import Draft
from fedserver.cli.common import config_option, json_option, load_config, moment, print_json, run
from fedserver.cli.people import Open, opened
from fedserver.config import Config

T = TypeVar("T")

_FORMATS: Final = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_INSTANT: Final = click.DateTime(formats=_FORMATS)


@click.group()
def announcement() -> None:
    """Tell all members something, in their apps and on their home page."""


@announcement.command("add")
@config_option
@click.argument("text")
@click.option("--starts", type=_INSTANT, help="When what is announced begins (UTC).")
@click.option("--ends", type=_INSTANT, help="When it ends (UTC); then it is not shown any more.")
@click.option("--all-day", is_flag=True, help="It has days, but no times.")
@click.option("--at", "planned", type=_INSTANT, help="Publish then (UTC), instead of now.")
@click.option("--draft", is_flag=True, help="Do not publish yet.")
@json_option
def add(
    config_path: Path | None,
    text: str,
    starts: datetime | None,
    ends: datetime | None,
    all_day: bool,
    planned: datetime | None,
    draft: bool,
    as_json: bool,
) -> None:
    """Announce TEXT, in Markdown ("-" reads it from standard input)."""
    if draft and planned is not None:
        raise click.UsageError("--draft and --at exclude each other.")
    if text == "-":
        text = sys.stdin.read()
    wanted = Draft(text, _ms(starts), _ms(ends), all_day)

    def unit(conn: Connection, here: Open) -> int:
        return announcements.add(conn, here, wanted, scheduled_at=_ms(planned), publish=not draft)

    _say(run(_write(load_config(config_path), unit)), "written", as_json)


@announcement.command("list")
@config_option
@json_option
def list_announcements(config_path: Path | None, as_json: bool) -> None:
    """Every announcement, and how it stands."""
    found = [_shown(row) for row in run(_write(load_config(config_path), _listed))]
    if as_json:
        print_json({"announcements": found})
        return
    for one in found:
        click.echo(f"{one['id']}  {one['state']:9}  {one['text'].splitlines()[0][:70]}")


@announcement.command("publish")
@config_option
@click.argument("announcement_id", type=int)
@click.option("--at", "planned", type=_INSTANT, help="Publish then (UTC), instead of now.")
@json_option
def publish(config_path: Path | None, announcement_id: int, planned: datetime | None, as_json: bool) -> None:
    """Publish what is not published yet. The running server does so within a second."""

    def unit(conn: Connection, here: Open) -> int:
        announcements.plan_publication(conn, announcement_id, _ms(planned))
        return announcement_id

    _say(run(_write(load_config(config_path), unit)), "planned", as_json)


@announcement.command("remove")
@config_option
@click.argument("announcement_id", type=int)
@json_option
def remove(config_path: Path | None, announcement_id: int, as_json: bool) -> None:
    """Take an announcement down for good."""

    def unit(conn: Connection, here: Open) -> int:
        announcements.remove(conn, announcement_id)
        return announcement_id

    _say(run(_write(load_config(config_path), unit)), "removed", as_json)


async def _write(config: Config, unit: Callable[[Connection, Open], T]) -> T:
    async with opened(config) as here:
        return await here.db.write(unit, here)


def _listed(conn: Connection, here: Open) -> list[Any]:
    return announcements.listed(conn)


def _say(announcement_id: int, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"id": str(announcement_id), "done": done})
    else:
        click.echo(f"Announcement {announcement_id} is {done}.")


def _shown(row: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp() * 1000)
    if row.published_at is not None:
        state = "over" if row.ends_at is not None and row.ends_at <= now else "published"
    else:
        state = "planned" if row.scheduled_at is not None else "draft"
    return {
        "id": str(row.id),
        "state": state,
        "text": row.source_text,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
        "all_day": bool(row.all_day),
        "scheduled_at": moment(row.scheduled_at),
        "published_at": moment(row.published_at),
    }


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1000)


commands: Final = (announcement,)
