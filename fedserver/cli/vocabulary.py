"""``fedserver vocabulary …``: the terms that topics and skills are chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from fedserver.assembly import build_server
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.config import Config
from fedserver.resources import vocabulary as vocabularies


@click.group()
def vocabulary() -> None:
    """Terms that topics and skills of resources are chosen from."""


@vocabulary.command("import")
@config_option
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def import_file(config_path: Path | None, name: str, file: Path, as_json: bool) -> None:
    """Take over the vocabulary NAME (such as edam) from a table of tab-separated values with the columns uri, label, synonyms,
    definition, parents and obsolete. Its terms that are not in the table are offered no more."""

    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not a text in UTF-8.") from error

    async def work(config: Config) -> Mapping[str, int]:
        async with build_server(config) as server:
            return await vocabularies.import_file(server, name, text)

    done = run(work(load_config(config_path)))
    if as_json:
        print_json(dict(done))
    else:
        click.echo(
            "{added} terms are new, {changed} have changed, {obsolete} are obsolete now.".format(**done)
        )


@vocabulary.command("add")
@config_option
@click.argument("label")
@click.option("--to", "name", default="local", show_default=True, help="The vocabulary; skills for a skill.")
@click.option("--synonym", "synonyms", multiple=True, help="Another name; may be given several times.")
@click.option("--parent", "parents", multiple=True, help="The address of a term above it.")
def add(
    config_path: Path | None, label: str, name: str, synonyms: tuple[str, ...], parents: tuple[str, ...]
) -> None:
    """Add a term of this server's own, and print its address."""

    async def work(config: Config) -> str:
        async with build_server(config) as server:
            return (await vocabularies.add(server, name, label, synonyms=synonyms, parents=parents)).uri

    click.echo(run(work(load_config(config_path))))


@vocabulary.command("remove")
@config_option
@click.argument("uri")
@click.option("--from", "name", default="local", show_default=True, help="The vocabulary.")
def remove(config_path: Path | None, uri: str, name: str) -> None:
    """Take a term away. What is described with it keeps its words."""

    async def work(config: Config) -> None:
        async with build_server(config) as server:
            await vocabularies.remove(server, name, uri)

    run(work(load_config(config_path)))


@vocabulary.command("list")
@config_option
@json_option
def listed(config_path: Path | None, as_json: bool) -> None:
    """The vocabularies that are here, with how many terms each has."""

    async def work(config: Config) -> list[Any]:
        async with build_server(config) as server:
            return list(await vocabularies.listed(server))

    found = run(work(load_config(config_path)))
    if as_json:
        print_json([{"name": name, "terms": terms, "obsolete": obsolete} for name, terms, obsolete in found])
        return
    for name, terms, obsolete in found:
        click.echo(f"{name}: {terms} terms, {obsolete} obsolete")


commands: Final[tuple[click.Command, ...]] = (vocabulary,)
