"""Commands for looking after a running server: work that failed, and other servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from sqlalchemy import Connection

from fedserver import pruning, queues
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.cli.people import opened
from fedserver.config import Config
from fedserver.moderation import domains
from storage import instances, server_files

T = TypeVar("T")

POLICIES: Final = ("none", "noop", "limit", "reject", "allow")


async def _write(config: Config, unit: Callable[[Connection], T]) -> T:
    async with opened(config) as here:
        return await here.db.write(unit)


async def _read(config: Config, unit: Callable[[Connection], T]) -> T:
    async with opened(config) as here:
        return await here.db.read(unit)


# --- queue ----------------------------------------------------------------------------------


@click.group()
def queue() -> None:
    """Look at what waits to be done, and at what could not be."""


@queue.command("status")
@config_option
@json_option
def queue_status(config_path: Any, as_json: bool) -> None:
    """What waits, runs and has failed, how old the oldest is, and for which servers."""
    now = run(_read(load_config(config_path), queues.status_of))
    if as_json:
        print_json(now)
        return
    click.echo(f"{'':12}{'waiting':>9}{'running':>9}{'failed':>9}{'oldest':>9}")
    for name in ("deliveries", "jobs", "inbox"):
        one = now[name]
        click.echo(
            f"{name:12}{one['waiting']:9}{one['running']:9}{one['failed']:9}{one['oldest_seconds']:8}s"
        )
    for host in now["hosts"]:
        why = f"  {host['last_error']}" if host["last_error"] else ""
        click.echo(f"  {host['host']}: {host['waiting']} waiting, {host['failed']} failed{why}")


@queue.command("failed")
@config_option
@json_option
def queue_failed(config_path: Any, as_json: bool) -> None:
    """List what was given up, the newest first: deliveries, jobs, and what arrived."""
    found = run(_read(load_config(config_path), _failed))
    if as_json:
        print_json({"failed": found})
        return
    for one in found:
        click.echo(f"{one['kind']} {one['id']}  {one['what']}  {one['error']}")
    if not found:
        click.echo("Nothing has failed.")


def _failed(conn: Connection) -> list[dict[str, str]]:
    return [{**one._asdict(), "id": str(one.id)} for one in queues.given_up(conn)]


@queue.command("retry")
@config_option
@click.argument("kind", type=click.Choice(queues.KINDS))
@click.argument("row_id", metavar="ID", type=int)
def queue_retry(config_path: Any, kind: str, row_id: int) -> None:
    """Try something that was given up once more."""
    _done(
        run(_write(load_config(config_path), lambda conn: queues.retry(conn, kind, row_id))),
        f"Trying {kind} {row_id} again.",
    )


@queue.command("drop")
@config_option
@click.argument("kind", type=click.Choice(queues.KINDS))
@click.argument("row_id", metavar="ID", type=int)
def queue_drop(config_path: Any, kind: str, row_id: int) -> None:
    """Forget something that was given up."""
    _done(
        run(_write(load_config(config_path), lambda conn: queues.drop(conn, kind, row_id))),
        f"Dropped {kind} {row_id}.",
    )


def _done(found: object, sentence: str) -> None:
    if not found:
        raise click.ClickException("There is no such thing among what was given up (fedserver queue failed).")
    click.echo(sentence)


# --- instance -------------------------------------------------------------------------------


@click.group()
def instance() -> None:
    """Look at other servers, and decide how this one treats them."""


@instance.command("list")
@config_option
@click.argument("text", default="")
@json_option
def list_instances(config_path: Any, text: str, as_json: bool) -> None:
    """The servers this one has met, with what they run and how sending to them goes; TEXT narrows it down."""
    found = run(_read(load_config(config_path), lambda conn: _instances(conn, text)))
    if as_json:
        print_json({"instances": found})
        return
    for one in found:
        click.echo(
            f"{one['host']:40} {one['policy'] or 'none':7} {one['software']:14} {one['accounts']:6} accounts "
            f"{one['waiting']:5} waiting {one['failed']:5} failed  {one['last_error']}"
        )


def _instances(conn: Connection, text: str) -> list[dict[str, Any]]:
    return [
        {
            "host": one.row.host,
            "policy": one.row.policy,
            "rejects_media": one.row.rejects_media,
            "rejects_reports": one.row.rejects_reports,
            "note": one.row.note,
            "software": one.row.software,
            "accounts": one.accounts,
            "posts": one.posts,
            "waiting": one.waiting,
            "failed": one.failed_deliveries,
            "last_error": one.row.last_error,
        }
        for one in server_files.listed(conn, text=text)
    ]


@instance.command("rule")
@config_option
@click.argument("host")
@click.argument("policy", type=click.Choice(POLICIES))
@click.option("--reject-media", is_flag=True, help="Show none of its pictures.")
@click.option("--reject-reports", is_flag=True, help="Take no reports from it.")
@click.option("--note", default="", help="Why, for those who look after the server later.")
@click.option("--days", type=click.IntRange(1, 3650), help="After so many days it ends by itself.")
@json_option
def rule(
    config_path: Any,
    host: str,
    policy: str,
    reject_media: bool,
    reject_reports: bool,
    note: str,
    days: int | None,
    as_json: bool,
) -> None:
    """Limit a server (its people need approval to follow), reject it and its subdomains (nothing is exchanged),
    allow it (where only allowed servers are), or none of these."""
    wanted: instances.Policy = "" if policy == "none" else policy  # type: ignore[assignment]
    host = domains.normal_domain(host)
    until_at = domains.ends_after_days(days)
    decision = domains.Rule(wanted, reject_media, reject_reports, note, until_at=until_at)
    run(_decide(load_config(config_path), host, decision))
    if as_json:
        print_json({"host": host, "policy": wanted})
    else:
        click.echo(f"{host}: {policy}.")


async def _decide(config: Config, host: str, rule: domains.Rule) -> None:
    """What it hides or brings back, a running server does by job."""
    async with opened(config) as here:
        await here.db.write(domains.decide, None, host, rule)


# --- prune ----------------------------------------------------------------------------------


@click.command()
@config_option
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option(
    "--remote-media-days",
    "media_days",
    type=click.IntRange(0),
    help="Instead of the setting; 0 keeps all copies.",
)
@click.option(
    "--remote-post-days",
    "post_days",
    type=click.IntRange(0),
    help="Instead of the setting; 0 keeps all posts.",
)
@json_option
def prune(
    config_path: Any, dry_run: bool, media_days: int | None, post_days: int | None, as_json: bool
) -> None:
    """Let go of old copies of other servers' media, and of their old posts that nobody here has made anything of.

    The server does so every night. Kept are discussions in which a member has written, or liked, boosted, bookmarked,
    quoted, pinned or voted on something, that name a member, that are in groups of members, or by people in members'
    lists; resources and events; and what an open report is about. What goes comes again when somebody looks for it.
    """
    report = run(_prune(load_config(config_path), dry_run, media_days, post_days))
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "files": report.files,
                "bytes": report.bytes,
                "posts": report.posts,
                "hosts": dict(report.hosts),
            }
        )
        return
    verb = "Would let" if dry_run else "Let"
    click.echo(f"{verb} go of {report.posts} posts and {report.files} files ({report.bytes / 1e6:.1f} MB).")
    for host, posts in report.hosts:
        click.echo(f"  {host}: {posts} posts")


async def _prune(
    config: Config, dry_run: bool, media_days: int | None, post_days: int | None
) -> pruning.Report:
    async with opened(config) as here:
        work = pruning.preview if dry_run else pruning.prune
        return await work(here, media_days=media_days, post_days=post_days)


commands: Final[tuple[click.Command, ...]] = (queue, instance, prune)
