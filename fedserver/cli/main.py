"""The command tree of ``fedserver``."""

from __future__ import annotations

import socket
import sys
from importlib.metadata import version as version_of
from pathlib import Path

import click
import msgspec

from fedserver import config as settings
from fedserver import doctor as checks
from fedserver.assembly import build_server
from fedserver.cli import (
    announcements,
    backups,
    care,
    domain_lists,
    emoji,
    event_importing,
    groups,
    importing,
    moving_in,
    partners,
    people,
    search,
    vocabulary,
)
from fedserver.cli import mail as mails
from fedserver.cli.common import Commands, config_option, json_option, load_config, print_json, run
from fedserver.cli.serve import listen, serve_several
from fedserver.cli.serve import serve as serve_one
from fedserver.cli.serve import work as work_on
from storage import migrate as migrations


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@config_option
def cli(config_path: Path | None) -> None:
    """A server for communities of practice that federates over ActivityPub."""


@cli.command()
@config_option
@click.option("--host", help="Address to listen on, instead of the setting.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, instead of the setting.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes (PostgreSQL)."
)
@click.option("--no-jobs", is_flag=True, help="Leave jobs and deliveries to `fedserver worker`.")
@click.option("--socket-fd", type=int, hidden=True)
def serve(
    config_path: Path | None,
    host: str | None,
    port: int | None,
    workers: int,
    no_jobs: bool,
    socket_fd: int | None,
) -> None:
    """Serve in the foreground until SIGTERM, finishing what is in hand."""
    config = load_config(config_path)
    if workers > 1 and config.database_url.startswith("sqlite:"):
        raise click.UsageError("Several processes need PostgreSQL; SQLite is served by one.")
    if socket_fd is not None:
        run(serve_one(config, socket.socket(fileno=socket_fd), jobs=not no_jobs))
        return
    where = config.listen_on
    if host is not None or port is not None:
        where = settings.Listen(host or where.host or "127.0.0.1", where.port if port is None else port, None)
    try:
        bound = listen(where)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {where.path or f'{where.host}:{where.port}'}: {error.strerror}."
        ) from error
    if workers == 1:
        run(serve_one(config, bound, jobs=not no_jobs))
        return
    arguments = ["serve", *(["--config", str(config.file)] if config.file else [])]
    sys.exit(serve_several(bound, arguments, workers, jobs=not no_jobs))


@cli.command()
@config_option
def worker(config_path: Path | None) -> None:
    """Deliver and work off jobs only, in as many processes as wanted (PostgreSQL)."""
    config = load_config(config_path)
    if config.database_url.startswith("sqlite:"):
        raise click.ClickException("On SQLite the server does all work itself; a worker needs PostgreSQL.")
    run(work_on(config))


@cli.command()
@config_option
def migrate(config_path: Path | None) -> None:
    """Bring the database up to date."""
    config = load_config(config_path)
    migrations.upgrade(config.database_url)
    click.echo(f"The database is at revision {migrations.head()}.")


@cli.command()
@json_option
def version(as_json: bool) -> None:
    """Print the version of this program."""
    if as_json:
        print_json({"version": version_of("fedserver"), "python": sys.version.split()[0]})
    else:
        click.echo(version_of("fedserver"))


@cli.command()
@click.option(
    "--origin", default="/", show_default=True, help="Where the server is found, for clients made of it."
)
def openapi(origin: str) -> None:
    """Print the client API as an OpenAPI 3.1 document."""
    from web.openapi import document

    print_json(document(origin))


@cli.group("config")
def config_group() -> None:
    """Look at the settings."""


@config_group.command("describe")
def describe() -> None:
    """Print every setting with its sentence and default, as a file to start from."""
    click.echo(settings.describe(), nl=False)


@cli.command()
@config_option
def sample(config_path: Path | None) -> None:
    """Fill an empty server with a small made-up community, for looking around."""
    click.echo(f"Filled in the sample community: {run(_fill_sample(load_config(config_path)))} posts.")


async def _fill_sample(config: settings.Config) -> int:
    # Draws pictures: nothing that the other commands should wait for.
    from fedserver.sample.fill import fill

    async with build_server(config) as server:
        return await fill(server)


@cli.command()
@config_option
@json_option
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Check what a server needs from its surroundings, and say how to mend what is missing."""
    results = run(checks.examine(load_config(config_path)))
    failed = any(result.state == "bad" for result in results)
    if as_json:
        print_json({"healthy": not failed, "checks": [msgspec.structs.asdict(result) for result in results]})
    else:
        for result in results:
            mark = {"good": "ok  ", "warn": "note", "bad": "BAD "}[result.state]
            click.echo(f"{mark} {result.name}: {result.found}")
            if result.remedy:
                click.echo(f"     {result.remedy}")
    if failed:
        sys.exit(1)


for command in (
    *people.commands,
    *groups.commands,
    *care.commands,
    *backups.commands,
    *announcements.commands,
    *emoji.commands,
    *mails.commands,
    *search.commands,
    partners.partner,
    *vocabulary.commands,
):
    cli.add_command(command)
for command in (
    *importing.commands,
    *event_importing.commands,
    *moving_in.commands,
    *domain_lists.of_import,
):
    groups.import_group.add_command(command)

for command in domain_lists.of_instance:
    care.instance.add_command(command)


def main() -> None:
    """Run the command line."""
    cli(prog_name="fedserver")
