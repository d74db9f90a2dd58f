"""``fedserver import ics``, ``ols-schedule``, ``yaml2ics``: bring events in, beside a running server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from fedserver import settings
from fedserver.assembly import build_server
from fedserver.beside import VISIBILITIES
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.cli.groups import group_named
from fedserver.cli.importing import NOTES_SHOWN_MAX, paths_argument, show_progress
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import FedError, Invalid
from fedserver.events import series
from fedserver.events.importing import asking, filling, ics, ols, yaml2ics
from fedserver.events.importing.filling import STATES, Report
from fedserver.events.importing.found import Read, joined

_WORDS: Final = {
    "added": "added",
    "changed": "changed as their source has",
    "cancelled": "cancelled as their source says",
    "unchanged": "unchanged",
    "there": "there already",
    "changed_here": "left alone, since they were changed here",
    "removed_here": "left out, since they were removed here",
    "older": "older than what is here",
    "twice": "twice in the source",
    "refused": "refused",
}
_sources = click.argument("sources", nargs=-1, required=True, metavar="FILE|URL…")
_as = click.option(
    "--as", "member_name", required=True, metavar="NAME", help="The member whose events they become."
)
_group = click.option("--group", "group_name", metavar="NAME", help="The group that they are put into.")
_visibility = click.option(
    "--visibility", type=click.Choice(VISIBILITIES), default="public", show_default=True
)
_zone = click.option("--zone", metavar="ZONE", help="Of times that name none, such as Europe/Stockholm.")
_answers = click.option("--answers", is_flag=True, help="People can say here that they come.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would happen.")

Reader = Callable[[Server, str], Awaitable[Read]]


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (json_option, _dry_run, _answers, _zone, _visibility, _group, _as, config_option):
        command = option(command)
    return command


@click.command("ics")
@_sources
@_options
def import_ics(sources: tuple[str, ...], **options: Any) -> None:
    """Bring the events of calendars (iCalendar) in: files, or addresses on the web.

    Nobody is told and nothing is sent. It can be repeated: only what has changed there is changed here.
    """

    async def read(server: Server, zone: str) -> Read:
        if len(sources) == 1:
            return await _read_calendar(server, sources[0], zone)
        parts: list[Read] = []
        for one in sources:
            try:
                parts.append(await _read_calendar(server, one, zone))
            except FedError as error:
                unread = Read()
                unread.leave_out(one.rpartition("/")[2] or one, str(error))
                parts.append(unread)
        return joined(parts)

    _import(read, ", ".join(sources)[:500], options)


@click.command("ols-schedule")
@paths_argument
@_options
def import_ols_schedule(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring the calls of OLS cohorts in: schedule.yaml of each, or a folder of them; with people.yaml above, speakers get their names.

    Nobody is told and nothing is sent. It can be repeated: only what has changed there is changed here.
    """

    async def read(_: Server, __: str) -> Read:
        return await asyncio.to_thread(ols.read_paths, paths, zone=options["zone"] or ols.ZONE)

    _import(read, "OLS", options)


@click.command("yaml2ics")
@paths_argument
@_options
def import_yaml2ics(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring the events of YAML files in that are written for yaml2ics, as CodeRefinery's calendars are.

    Nobody is told and nothing is sent. It can be repeated: only what has changed there is changed here.
    """

    async def read(_: Server, zone: str) -> Read:
        return await asyncio.to_thread(yaml2ics.read_paths, paths, zone=zone)

    _import(read, ", ".join(one.name for one in paths)[:500], options)


async def _read_calendar(server: Server, source: str, zone: str) -> Read:
    name, body = source, b""
    if source.lower().startswith(("http://", "https://", "webcal://", "webcals://")):
        body = (await asking.fetch(server, source)).body or b""
    else:
        path = Path(source)
        name = path.name
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Invalid({}, f"{source} cannot be read: {error.strerror}.") from error
    return await asyncio.to_thread(ics.read, body, name, zone=zone)


def _import(read: Reader, source: str, options: dict[str, Any]) -> None:
    as_json: bool = options["as_json"]

    async def work(config: Config) -> Report:
        async with build_server(config) as server:
            zone = options["zone"] or (await settings.current(server)).time_zone
            try:
                series.zone(zone)
            except ValueError as error:
                raise Invalid({"zone": "must be a time zone such as Europe/Stockholm"}) from error
            target = await filling.member_target(
                server,
                options["member_name"],
                visibility=options["visibility"],
                group_id=await _group_id(server, options["group_name"]),
                answers=options["answers"],
                source=source,
            )
            return await filling.fill(
                server,
                target,
                await read(server, zone),
                dry_run=options["dry_run"],
                told=None if as_json or not sys.stderr.isatty() else show_progress,
            )

    report = run(work(load_config(options["config_path"])))
    if as_json:
        print_json(
            {
                "dry_run": options["dry_run"],
                "counts": report.counts(),
                "events": msgspec.to_builtins(report.outcomes),
                "left_out": msgspec.to_builtins(report.left_out),
                "repaired": msgspec.to_builtins(report.repaired),
            }
        )
    else:
        _print(report, dry_run=options["dry_run"])


async def _group_id(server: Server, name: str | None) -> int | None:
    if name is None:
        return None
    return int((await group_named(server, name)).account_id)


def _print(report: Report, *, dry_run: bool) -> None:
    counts = [f"{report.count(state)} {_WORDS[state]}" for state in STATES if report.count(state)]
    counts += [f"{len(report.left_out)} left out"] if report.left_out else []
    click.echo(f"{'It would be: ' if dry_run else ''}{', '.join(counts) or 'There is nothing in it'}.")
    lines = [
        f"{one.title} ({one.when}): {kind.replace('_', ' ')}: {f'{note.field}: ' if note.field else ''}{note.sentence}"
        for one in report.outcomes
        for kind, note in one.receipt.all()
        if one.state in ("added", "changed") or kind == "repaired"
    ]
    lines += [
        f"{one.title}: {_WORDS[one.state]}: {one.why}" for one in report.outcomes if one.state == "refused"
    ]
    lines += [f"{one.title}: left out: {one.why}" for one in report.left_out]
    lines += [f"repaired: {one.sentence}" for one in report.repaired]
    for line in lines[:NOTES_SHOWN_MAX]:
        click.echo(line, err=True)
    if len(lines) > NOTES_SHOWN_MAX:
        click.echo(f"And {len(lines) - NOTES_SHOWN_MAX} more notes: --json shows all.", err=True)


commands: Final[Sequence[click.Command]] = (import_ics, import_ols_schedule, import_yaml2ics)
