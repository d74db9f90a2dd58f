"""``fedserver import blocklist`` and ``fedserver instance export``: rules for other servers as lists, beside a running server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.cli.people import opened
from fedserver.config import Config
from fedserver.errors import FedError
from fedserver.federation.http import GuardedClient
from fedserver.moderation import domain_lists
from fedserver.moderation.domain_lists import RULES_PER_UNIT, Entry, Listed
from fedserver.moderation.domains import POLICIES

_LINES_MAX: Final = 100
_WORDS: Final = {
    "new": "new",
    "stricter": "stricter than the rule there is",
    "there": "there already",
    "allowed": "left alone: allowed here",
    "partner": "left alone: a partner",
    "ours": "left alone: this server",
}


@click.command("blocklist")
@config_option
@click.argument("source", metavar="FILE|URL")
@click.option("--allow", is_flag=True, help="It lists servers to allow, not to keep out.")
@click.option(
    "--severest",
    type=click.Choice(list(POLICIES)),
    default="suspend",
    show_default=True,
    help="Treat nobody worse than so, whatever the list says.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would change, and what members would lose.")
@json_option
def import_blocklist(
    config_path: Path | None, source: str, allow: bool, severest: str, dry_run: bool, as_json: bool
) -> None:
    """Make rules of a list of domains, in Mastodon's CSV format or with one domain a line.

    Who is allowed here and partners are left alone, rules that are as strict stay, and nothing is taken back. Follows
    between members and blocked servers end; whom that costs most is said first.
    """
    listed, entries = run(_bring_in(load_config(config_path), source, allow, severest, dry_run))
    changes = [one for one in entries if one.change in ("new", "stricter")]
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "changes": len(changes),
                "domains": msgspec.to_builtins(entries),
                "left_out": [one._asdict() for one in listed.left_out],
            }
        )
        return
    lost = sum(one.following + one.followers for one in changes if one.severity == "suspend")
    click.echo(
        f"{'Would make' if dry_run else 'Made'} {len(changes)} rules of {len(entries)} domains; "
        f"{lost} follows {'would end' if dry_run else 'end'}."
    )
    for one in entries[:_LINES_MAX]:
        cost = (
            f"  {one.members} members, {one.following} followed, {one.followers} followers"
            if one.members
            else ""
        )
        click.echo(f"  {one.domain}: {one.severity}, {_WORDS[one.change]}{cost}")
    if len(entries) > _LINES_MAX:
        click.echo(f"  and {len(entries) - _LINES_MAX} more: --json shows all")
    for left in listed.left_out[:_LINES_MAX]:
        click.echo(f"Line {left.line}, {left.text}: left out, {left.why}.", err=True)


async def _bring_in(
    config: Config, source: str, allow: bool, severest: str, dry_run: bool
) -> tuple[Listed, list[Entry]]:
    listed = domain_lists.read(await _text(config, source), allows=allow, severest=severest)
    async with opened(config) as here:
        ours = (config.domain, here.uris.host)
        outcomes = await here.db.read(domain_lists.compare, listed.rows, ours)
        changing = [one.row for one in outcomes if one.counts]
        for start in range(0, 0 if dry_run else len(changing), RULES_PER_UNIT):
            await here.db.write(domain_lists.apply_some, None, changing[start : start + RULES_PER_UNIT], ours)
    return listed, domain_lists.told(outcomes)


async def _text(config: Config, source: str) -> str:
    if source.startswith(("http://", "https://")):
        client = GuardedClient(config)
        try:
            return await domain_lists.fetch(client, source)
        finally:
            await client.close()
    return _file(source)


def _file(source: str) -> str:
    try:
        path = Path(source)
        if path.stat().st_size > domain_lists.BYTES_MAX:
            raise FedError(f"{source} is too long for a list.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FedError(f"{source} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FedError(f"{source} is no text in UTF-8.") from error


@click.command("export")
@config_option
@click.option(
    "--allow", is_flag=True, help="The servers that are allowed, instead of the rules against others."
)
def export(config_path: Path | None, allow: bool) -> None:
    """Print the rules for other servers as a list in Mastodon's CSV format, without what moderators note for each other."""
    click.echo(run(_export(load_config(config_path), allow)), nl=False)


async def _export(config: Config, allow: bool) -> bytes:
    async with opened(config) as here:
        return await here.db.read(lambda conn: domain_lists.write(conn, allows=allow))


of_import: Final[Sequence[click.Command]] = (import_blocklist,)
of_instance: Final[Sequence[click.Command]] = (export,)
