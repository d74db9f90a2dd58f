"""Commands for what posts and people are found by."""

from __future__ import annotations

from typing import Any, Final

import click

from fedserver import search_index
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.cli.people import opened
from fedserver.config import Config


@click.group()
def search() -> None:
    """Look after the index that searches use."""


@search.command()
@config_option
@click.option("--all", "every", is_flag=True, help="Index again what is indexed already.")
@json_option
def reindex(config_path: Any, every: bool, as_json: bool) -> None:
    """Index posts and names that no search finds yet; what is cut off goes on where it stopped."""
    posts, accounts = run(_fill(load_config(config_path), every=every))
    if as_json:
        print_json({"posts": posts, "accounts": accounts})
    else:
        click.echo(f"Indexed {posts} posts and the names of {accounts} accounts.")


async def _fill(config: Config, *, every: bool) -> tuple[int, int]:
    async with opened(config) as here:
        return await search_index.fill(here.db, every=every)


commands: Final[tuple[click.Command, ...]] = (search,)
