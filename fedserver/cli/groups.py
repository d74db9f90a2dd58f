"""``fedserver group …`` and ``fedserver import …``: groups, and what they take over from elsewhere, beside a running server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec
from sqlalchemy import Connection

from fedserver import names
from fedserver.archives import exporting, importing
from fedserver.archives.exporting import FORMATS, Format
from fedserver.archives.importing import Options, Receipt
from fedserver.archives.records import Source
from fedserver.assembly import build_server
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups import catalogue, rules
from fedserver.groups.catalogue import GroupFields, GroupRow
from fedserver.keys import new_pair
from fedserver.moderation import audit
from storage import groups, users
from storage.paging import Window

LISTED_MAX: Final = 1_000


@click.group()
def group() -> None:
    """Groups, their archives and exports."""


# -- making and listing


@group.command("create")
@config_option
@click.argument("name")
@click.option("--title", required=True, help="What it is called.")
@click.option("--owner", required=True, metavar="NAME", help="The member who becomes its first owner.")
@click.option("--kind", type=click.Choice(rules.KINDS), default="forum", show_default=True)
@click.option("--access", type=click.Choice(rules.ACCESSES), default="public", show_default=True)
@click.option("--join-mode", type=click.Choice(rules.JOIN_MODES), help="Default: open where all can read.")
@click.option("--topic", "topics", multiple=True, help="A hashtag that threads can be sorted by; repeatable.")
@click.option("--language", default="", help="Such as en or pt-BR.")
@json_option
def create(
    config_path: Path | None,
    name: str,
    title: str,
    owner: str,
    kind: str,
    access: str,
    join_mode: str | None,
    topics: tuple[str, ...],
    language: str,
    as_json: bool,
) -> None:
    """Make a group."""
    fields = GroupFields(
        title=title, kind=kind, access=access, join_mode=join_mode, topics=topics, language=language
    )
    row = run(_create(load_config(config_path), name, owner, fields))
    if as_json:
        print_json(_shown(row))
    else:
        click.echo(f"@{row.username} is at {row.url}; @{owner.removeprefix('@')} owns it.")


async def _create(config: Config, name: str, owner: str, fields: GroupFields) -> GroupRow:
    async with build_server(config) as server:
        checked = names.check_free_for_all(name, field="name")
        columns = catalogue.check_fields(fields, server.uris)
        pair = await new_pair(server.uris.group(checked))

        def unit(conn: Connection) -> GroupRow:
            member = users.by_name(conn, owner.removeprefix("@"))
            if member is None or member.deleted_at is not None:
                raise NotFound(f"There is no member named {owner[:60]!r} here.")
            group_id = catalogue.create_unit(
                conn, server, checked, columns, fields.topics or (), pair, member.account_id
            )
            audit.note(conn, None, "create", ("group", group_id, checked))
            return groups.by_id(conn, group_id)

        return await server.db.write(unit)


@group.command("list")
@config_option
@json_option
def list_groups(config_path: Path | None, as_json: bool) -> None:
    """The groups of this server, private ones too, newest first."""

    async def work(config: Config) -> list[GroupRow]:
        async with build_server(config) as server:
            return await server.db.read(groups.ours, Window(limit=LISTED_MAX))

    found = [_shown(row) for row in run(work(load_config(config_path)))]
    if as_json:
        print_json({"groups": found})
        return
    for one in found:
        click.echo(
            f"{one['name']:30} {one['access']:8} {one['kind']:14} {one['members_count']:>6} members "
            f"{one['threads_count']:>6} threads  {one['title']}"
        )


def _shown(row: GroupRow) -> dict[str, Any]:
    return {
        "id": str(row.account_id),
        "name": row.username,
        "title": row.display_name,
        "uri": row.uri,
        "url": row.url,
        "kind": row.kind,
        "access": row.access,
        "join_mode": row.join_mode,
        "members_count": row.members_count,
        "threads_count": row.threads_count,
        "archived": row.archived_at is not None,
    }


@group.command("export")
@config_option
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="jsonl", show_default=True)
def export(config_path: Path | None, name: str, path: Path | None, format_: Format) -> None:
    """Write all threads of a group into a file, or to standard output."""

    async def work(config: Config) -> None:
        async with build_server(config) as server:
            row = await group_named(server, name)
            pieces = await exporting.export_whole(server, row.account_id, format_)
            if path is None:
                await _write(pieces, sys.stdout.buffer)
                return
            with path.open("xb") as file:
                await _write(pieces, file)

    try:
        run(work(load_config(config_path)))
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already.") from error


async def _write(pieces: AsyncIterator[bytes], file: BinaryIO) -> None:
    async for piece in pieces:
        await asyncio.to_thread(file.write, piece)
    file.flush()


# -- importing


@click.group("import")
def import_group() -> None:
    """Take over what was written elsewhere."""


_archive = click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_into = click.option("--group", "group_name", required=True, metavar="NAME", help="The group it goes into.")
_match = click.option(
    "--match-members",
    is_flag=True,
    help="What members here wrote, by their confirmed address, is theirs at once.",
)


@import_group.command("slack")
@config_option
@_archive
@_into
@click.option("--channel", "channels", multiple=True, help="A channel to take, private ones too; repeatable.")
@_match
@json_option
def import_slack(
    config_path: Path | None,
    path: Path,
    group_name: str,
    channels: tuple[str, ...],
    match_members: bool,
    as_json: bool,
) -> None:
    """Bring a Slack export (the zip) into a group: all its public channels, or those that are named.

    It can be cut off and started again, and repeated with a later export: nothing comes twice.
    """
    _import(config_path, path, "slack", group_name, Options(channels, match_members), as_json)


@import_group.command("mbox")
@config_option
@_archive
@_into
@_match
@json_option
def import_mbox(
    config_path: Path | None, path: Path, group_name: str, match_members: bool, as_json: bool
) -> None:
    """Bring the archive of a mailing list (an mbox file) into a group, in its threads.

    It can be cut off and started again, and repeated with a later archive: nothing comes twice.
    """
    _import(config_path, path, "mbox", group_name, Options((), match_members), as_json)


def _import(
    config_path: Path | None, path: Path, source: Source, group_name: str, options: Options, as_json: bool
) -> None:
    async def work(config: Config) -> Receipt:
        async with build_server(config) as server:
            row = await group_named(server, group_name)
            begun = await importing.begin(server, row.account_id, path, source, options, name=path.name)
            return await importing.carry_out(server, begun.id, path, told=None if as_json else _show_progress)

    receipt = run(work(load_config(config_path)))
    if as_json:
        print_json({**msgspec.to_builtins(receipt), "run_id": str(receipt.run_id)})
        return
    click.echo(
        f"{receipt.read} read: {receipt.added} added with {receipt.files_added} pictures, {receipt.known} there already, "
        f"{receipt.left_out} left out."
    )
    for why, number in sorted(receipt.reasons.items(), key=lambda pair: -pair[1]):
        click.echo(f"{number:>6} × {why}", err=True)
    for problem in receipt.problems:
        click.echo(f"{problem['what']}: {problem['why']}", err=True)


def _show_progress(receipt: Receipt) -> None:
    ending = "\r" if sys.stderr.isatty() else "\n"
    click.echo(f"{receipt.read} of {receipt.total} read, {receipt.added} added{ending}", err=True, nl=False)


async def group_named(server: Server, name: str) -> GroupRow:
    """A group of this server. Raises NotFound."""
    row = await server.db.read(groups.by_handle, name.removeprefix("@"))
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no group named {name[:60]!r} here.")
    return row


commands: Final[Sequence[click.Command]] = (group, import_group)
