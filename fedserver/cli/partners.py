"""``fedserver partner …``: servers that share their library with this one, beside a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import click

from activitypub.identifiers import host_of
from fedserver import partners
from fedserver.assembly import build_server
from fedserver.cli.common import config_option, json_option, load_config, moment, print_json, run
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.federation.servers import host_in
from fedserver.partners import STATES, PartnerRow

_WORDS: Final = {
    "active": "is a partner",
    "asked": "has offered to be a partner; accept or decline it",
    "offered": "was offered to be a partner, and has not answered yet",
    "declined": "is no partner: the offer was declined",
    "ended": "is a partner no longer",
}


@click.group()
def partner() -> None:
    """Servers that share their library with this one."""


@partner.command("list")
@config_option
@json_option
def list_partners(config_path: Path | None, as_json: bool) -> None:
    """Partners, offers that wait, and those that were one."""

    async def act(server: Server) -> list[PartnerRow]:
        return await partners.listed(server, None, STATES)

    rows = run(_within(load_config(config_path), act))
    if as_json:
        print_json({"partners": [_shown(row) for row in rows]})
        return
    for row in rows:
        click.echo(f"{row.host} {_WORDS[row.state]}.")
        if row.state == "asked" and row.note:
            click.echo("".join(f"    {line}\n" for line in row.note.splitlines()).rstrip())
    if not rows:
        click.echo("There is none yet.")


@partner.command("offer")
@config_option
@click.argument("host")
@click.option("--note", default="", help="A few words to its admins.")
@json_option
def offer(config_path: Path | None, host: str, note: str, as_json: bool) -> None:
    """Offer the server at HOST (its domain, or an address on it) to be partners."""

    async def act(server: Server) -> PartnerRow:
        return await partners.offer(server, None, host, note)

    _say(run(_within(load_config(config_path), act)), as_json)


@partner.command("accept")
@config_option
@click.argument("host")
@json_option
def accept(config_path: Path | None, host: str, as_json: bool) -> None:
    """Accept what the server at HOST offers."""
    _decide(config_path, host, partners.accept, as_json)


@partner.command("decline")
@config_option
@click.argument("host")
@json_option
def decline(config_path: Path | None, host: str, as_json: bool) -> None:
    """Decline what the server at HOST offers."""
    _decide(config_path, host, partners.decline, as_json)


@partner.command("end")
@config_option
@click.argument("host")
@json_option
def end(config_path: Path | None, host: str, as_json: bool) -> None:
    """Be partners with the server at HOST no longer, or take an offer back."""
    _decide(config_path, host, partners.end, as_json)


def _decide(
    config_path: Path | None,
    host: str,
    decision: Callable[[Server, None, int], Awaitable[PartnerRow]],
    as_json: bool,
) -> None:
    wanted = host_in(host)

    async def act(server: Server) -> PartnerRow:
        for row in await partners.listed(server, None, STATES):
            if row.host == wanted or host_of(row.uri) == wanted:
                return await decision(server, None, row.id)
        raise NotFound(f"Nothing was offered to or by {wanted}.")

    _say(run(_within(load_config(config_path), act)), as_json)


async def _within(config: Config, act: Callable[[Server], Awaitable[Any]]) -> Any:
    async with build_server(config) as server:
        return await act(server)


def _say(row: PartnerRow, as_json: bool) -> None:
    if as_json:
        print_json(_shown(row))
    else:
        click.echo(f"{row.host} {_WORDS[row.state]}.")


def _shown(row: PartnerRow) -> dict[str, Any]:
    return {
        "host": row.host,
        "actor": row.uri,
        "state": row.state,
        "note": row.note,
        "created_at": moment(row.created_at),
        "library_read_at": moment(row.library_read_at),
    }
