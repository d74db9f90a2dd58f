"""``fedserver import mastodon``: a member brings along what they had elsewhere, beside a running server, which does the work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from sqlalchemy import Connection

from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.cli.importing import NOTES_SHOWN_MAX, paths_argument
from fedserver.cli.people import Open, opened
from fedserver.config import Config
from fedserver.errors import FedError, Invalid, NotFound
from fedserver.moving_in import archives, files, runs
from fedserver.moving_in.comparing import compare
from fedserver.moving_in.files import File
from storage import users


class Outcome(msgspec.Struct, kw_only=True):
    """What a file changes. `id` is the import's, once it has begun; `why` says why a file is left out."""

    file: str
    kind: str = ""
    new: int = 0
    known: int = 0
    removed: int = 0
    twice: int = 0
    unread: list[tuple[int, str, str]] = []
    id: str | None = None
    why: str = ""


@click.command("mastodon")
@config_option
@paths_argument
@click.option("--as", "member_name", required=True, metavar="NAME", help="The member who brings it along.")
@click.option("--overwrite", is_flag=True, help="What the member has here and is not in a file goes.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@json_option
def import_mastodon(
    config_path: Path | None,
    paths: tuple[Path, ...],
    member_name: str,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring in what a member followed, muted, blocked, listed, kept and filtered elsewhere: the files that Mastodon or this
    software lets them download, folders of them, or an archive (zip) with them in it.

    The running server brings it in, a little at a time; the member sees how far it is under Settings,
    Bring along, and what could not be brought in. It can be repeated: nothing comes twice.
    """
    outcomes = run(_bring_in(load_config(config_path), paths, member_name, overwrite, dry_run))
    if as_json:
        print_json({"dry_run": dry_run, "files": msgspec.to_builtins(outcomes)})
    else:
        _print(outcomes, dry_run=dry_run)


async def _bring_in(
    config: Config, paths: Sequence[Path], member_name: str, overwrites: bool, dry_run: bool
) -> list[Outcome]:
    found = [one for path in paths for one in await asyncio.to_thread(archives.gathered, path)]
    if not found:
        raise Invalid({"file": "has nothing in it that can be brought in"})
    async with opened(config) as here:
        account_id = await here.db.read(_member, member_name)
        return [
            await _one(here, account_id, name, body, overwrites=overwrites, dry_run=dry_run)
            for name, body in found
        ]


async def _one(
    here: Open, account_id: int, name: str, body: bytes, *, overwrites: bool, dry_run: bool
) -> Outcome:
    try:
        file = await asyncio.to_thread(files.read, name, body)
        outcome = await here.db.read(_compared, here, account_id, file, overwrites)
        if not dry_run and file.rows:
            import_id = await runs.receive(here, account_id, file, overwrites=overwrites)
            await runs.begin(here, account_id, import_id)
            outcome.id = str(import_id)
    except FedError as error:
        return Outcome(file=name, why=str(error))
    return outcome


def _compared(conn: Connection, here: Open, account_id: int, file: File, overwrites: bool) -> Outcome:
    keys = {one.key for one in file.rows}
    found = compare(conn, here, account_id, file.kind, keys, overwrites=overwrites)
    return Outcome(
        file=file.name,
        kind=file.kind,
        new=found.new,
        known=found.known,
        removed=found.removed,
        twice=file.twice,
        unread=[(one.line, files.shown(file.kind, one.cells), one.why) for one in file.unread],
    )


def _member(conn: Connection, name: str) -> int:
    user = users.by_name(conn, name.removeprefix("@"))
    if user is None or not user.is_let_in:
        raise NotFound(f"There is no member named {name[:60]!r} here.")
    return user.account_id


def _print(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    notes: list[str] = []
    for one in outcomes:
        if one.why:
            notes.append(f"{one.file}: left out: {one.why}")
            continue
        counts: list[tuple[int, str]] = [
            (one.new, "new"),
            (one.known, "there already"),
            (one.removed, "go"),
            (one.twice, "twice in it"),
            (len(one.unread), "unreadable"),
        ]
        told = ", ".join(f"{number} {word}" for number, word in counts if number or word == "new")
        click.echo(f"{one.file} ({one.kind.replace('_', ' ')}): {told}.")
        notes += [f"{one.file}, line {line}, {text}: {why}" for line, text, why in one.unread]
    if not dry_run and any(one.id for one in outcomes):
        click.echo("The server brings it in. How far it is stands under Settings, Bring along.")
    for note in notes[:NOTES_SHOWN_MAX]:
        click.echo(note, err=True)
    if len(notes) > NOTES_SHOWN_MAX:
        click.echo(f"And {len(notes) - NOTES_SHOWN_MAX} more: --json shows all.", err=True)


commands: Final[Sequence[Any]] = (import_mastodon,)
