"""``fedserver import ols``, ``bioschemas``, …: fill the library from files, beside a running server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from fedserver.assembly import build_server
from fedserver.beside import VISIBILITIES
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.config import Config
from fedserver.resources.importing import bioschemas, files, filling, tables, zenodo
from fedserver.resources.importing.filling import STATES, Report
from fedserver.resources.importing.receipts import Read, joined

NOTES_SHOWN_MAX: Final = 200
_WORDS: Final = {
    "added": "added",
    "changed": "changed as their source has",
    "unchanged": "unchanged",
    "there": "there already",
    "changed_here": "left alone, since they were changed here",
    "older": "older than what is here",
    "twice": "twice in the source",
    "refused": "refused",
}

paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
_as = click.option(
    "--as", "member_name", required=True, metavar="NAME", help="The member whose resources they become."
)
_visibility = click.option(
    "--visibility", type=click.Choice(VISIBILITIES), default="public", show_default=True
)
_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would happen.")


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (json_option, _dry_run, _visibility, _as, paths_argument, config_option):
        command = option(command)
    return command


@click.command("ols")
@_options
def import_ols(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring the talks of the OLS library into this one: a folder with library.yaml and people.yaml.

    Nobody is told and nothing is sent. It can be repeated: only what has changed there is changed here.
    """
    from fedserver.resources.importing import ols  # with its reader of YAML

    _import(lambda: joined([ols.read_folder(one) for one in paths]), options)


@click.command("bioschemas")
@_options
def import_bioschemas(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring resources described in JSON-LD (Bioschemas, schema.org, AMB) into the library: files, pages or folders of them.

    What is no good JSON is mended where that is possible, and the receipt says how. Events are left out.
    """
    _import(lambda: bioschemas.read_paths(paths), options)


@click.command("zenodo")
@_options
def import_zenodo(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring records of Zenodo into the library: JSON files as its API gives them, one record or many, or folders of them."""
    _import(lambda: files.read_each(paths, (".json",), zenodo.read), options)


@click.command("bibtex")
@_options
def import_bibtex(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring the entries of BibTeX files into the library."""
    from fedserver.resources.importing import bibtex  # with pybtex

    _import(lambda: files.read_each(paths, (".bib",), bibtex.read), options)


@click.command("csv")
@_options
def import_csv(paths: tuple[Path, ...], **options: Any) -> None:
    """Bring the rows of tables into the library: CSV files whose first row names the columns, of which one is the title."""
    _import(lambda: files.read_each(paths, (".csv", ".tsv"), tables.read), options)


def _import(read: Callable[[], Read], options: dict[str, Any]) -> None:
    as_json: bool = options["as_json"]

    async def work(config: Config) -> Report:
        async with build_server(config) as server:
            found = await asyncio.to_thread(read)
            return await filling.fill(
                server,
                options["member_name"],
                found,
                visibility=options["visibility"],
                dry_run=options["dry_run"],
                told=None if as_json or not sys.stderr.isatty() else show_progress,
            )

    report = run(work(load_config(options["config_path"])))
    if as_json:
        print_json(_as_json(report, dry_run=options["dry_run"]))
    else:
        _print(report, dry_run=options["dry_run"])


def _as_json(report: Report, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "counts": {**{state: report.count(state) for state in STATES}, "left_out": len(report.left_out)},
        "resources": msgspec.to_builtins(report.outcomes),
        "left_out": msgspec.to_builtins(report.left_out),
        "repaired": msgspec.to_builtins(report.repaired),
    }


def _print(report: Report, *, dry_run: bool) -> None:
    counts = [f"{report.count(state)} {_WORDS[state]}" for state in STATES if report.count(state)]
    counts += [f"{len(report.left_out)} left out"] if report.left_out else []
    click.echo(f"{'It would be: ' if dry_run else ''}{', '.join(counts) or 'There is nothing in it'}.")
    lines = [
        f"{outcome.title or 'Without a title'}: {kind.replace('_', ' ')}: {f'{note.field}: ' if note.field else ''}{note.sentence}"
        + (f" (line {note.line}, column {note.column})" if note.line else "")
        for outcome in report.outcomes
        for kind, note in outcome.receipt.all()
        if outcome.state in ("added", "changed") or kind == "repaired"
    ]
    lines += [
        f"{one.title}: {_WORDS[one.state]}: {one.why}" for one in report.outcomes if one.state == "refused"
    ]
    lines += [f"{one.field}: left out: {one.sentence}" for one in report.left_out]
    lines += [
        f"{one.field}: repaired: {one.sentence} (line {one.line}, column {one.column})"
        for one in report.repaired
    ]
    for line in lines[:NOTES_SHOWN_MAX]:
        click.echo(line, err=True)
    if len(lines) > NOTES_SHOWN_MAX:
        click.echo(f"And {len(lines) - NOTES_SHOWN_MAX} more notes: --json shows all.", err=True)


def show_progress(done: int, total: int) -> None:
    click.echo(f"{done} of {total}\r", err=True, nl=False)


commands: Final[Sequence[click.Command]] = (
    import_ols,
    import_bioschemas,
    import_zenodo,
    import_bibtex,
    import_csv,
)
