"""``fedserver backup`` and ``fedserver restore``: a whole instance in one file, made while it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

import click

from fedserver.backups import making, restoring
from fedserver.backups.archive import Manifest
from fedserver.cli.common import config_option, json_option, load_config, moment, print_json, run
from fedserver.config_values import PREFIX

_MISSING_SHOWN: Final = 20


@click.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--no-media", is_flag=True, help="Leave out what members have uploaded.")
@json_option
def backup(config_path: Path | None, file: Path, no_media: bool, as_json: bool) -> None:
    """Write the whole instance into FILE while it runs: database, media, keys and settings, as of one moment.

    Whoever has the file can speak in the name of every member. Copies of other servers' media are left out, and files
    in an object store: the bucket has a backup of its own. Fails, with what it could save in FILE, if files are
    missing that the database names.
    """
    made = run(making.make(load_config(config_path), file, media=not no_media))
    manifest = made.manifest
    if as_json:
        print_json({"file": str(made.path), "bytes": made.bytes, **_described(manifest)})
    else:
        click.echo(f"Wrote {made.path}: {made.bytes / 1e6:.1f} MB, {len(manifest.files)} files.")
        for note in _notes(manifest):
            click.echo(note)
    if manifest.missing:
        names = ", ".join(manifest.missing[:_MISSING_SHOWN])
        click.echo(f"{len(manifest.missing)} files are missing that the database names: {names}.", err=True)
        sys.exit(1)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data directory to make; default: FEDSERVER_DATA, else data.",
)
@click.option(
    "--database", default="", metavar="URL", help="An empty database, instead of SQLite in that directory."
)
@click.option(
    "--check", "only_check", is_flag=True, help="Only read FILE from end to end, and change nothing."
)
@json_option
def restore(file: Path, data: Path | None, database: str, only_check: bool, as_json: bool) -> None:
    """Bring an instance back from FILE: on this machine or another, in any folder, at any port, for the same domain.

    Nothing that is there is overwritten, and every file is compared with its digest first. Stop the server that the
    backup is of before the restored one is started: two with the same keys confuse everybody else.
    """
    if only_check:
        manifest = restoring.check(file)
        if as_json:
            print_json({"file": str(file), "whole": True, **_described(manifest)})
        else:
            click.echo(
                f"{file} is whole: {manifest.domain}, {moment(manifest.made_at)}, {len(manifest.files)} files."
            )
        return
    folder = data or Path(os.environ.get(f"{PREFIX}DATA") or "data")
    done = restoring.restore(file, folder, database=database)
    if as_json:
        print_json({"data": done.config.data, "config": str(done.settings_path), **_described(done.manifest)})
        return
    click.echo(
        f"{done.manifest.domain} is as it was at {moment(done.manifest.made_at)}, in {done.config.data}."
    )
    for note in _notes(done.manifest):
        click.echo(note)
    if done.manifest.environment:
        click.echo(f"Set again in the environment, as there: {', '.join(done.manifest.environment)}.")
    click.echo(f"Start it: fedserver --config {done.settings_path} serve")


def _described(manifest: Manifest) -> dict[str, Any]:
    return {
        "domain": manifest.domain,
        "made_at": moment(manifest.made_at),
        "version": manifest.version,
        "database": manifest.database,
        "media": manifest.media,
        "missing": list(manifest.missing),
        "files": len(manifest.files),
        "environment": list(manifest.environment),
    }


def _notes(manifest: Manifest) -> list[str]:
    if manifest.media == "left out":
        return ["Media are not in it."]
    if manifest.media != "included":
        return [f"Media are not in it: they are in {manifest.media}. Back up the bucket as well."]
    return []


commands: Final[tuple[click.Command, ...]] = (backup, restore)
