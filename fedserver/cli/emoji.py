"""``fedserver emoji …``: the custom emoji of this server, beside a running one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from fedserver import emojis
from fedserver.assembly import build_server
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.config import Config
from fedserver.emojis import Imported, Pack

_picture = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def emoji() -> None:
    """Custom emoji, which members write as :shortcode:."""


@emoji.command("add")
@config_option
@click.argument("shortcode")
@click.argument("picture", type=_picture)
@click.option("--category", default="", help="The heading it stands under where emoji are chosen.")
@click.option("--unlisted", is_flag=True, help="Leave it out where emoji are chosen.")
@click.option("--overwrite", is_flag=True, help="Give one of that name this picture.")
def add(
    config_path: Path | None, shortcode: str, picture: Path, category: str, unlisted: bool, overwrite: bool
) -> None:
    """Make an emoji of a PNG, GIF or WebP of 256 kB at most."""

    async def work(config: Config) -> None:
        async with build_server(config) as server:
            await emojis.add(
                server, shortcode, picture, category=category, listed=not unlisted, replaces=overwrite
            )

    run(work(load_config(config_path)))
    click.echo(f"Members can write :{shortcode}: now.")


@emoji.command("import")
@config_option
@click.argument("pack", type=click.Path(path_type=Path, exists=True))
@click.option("--prefix", default="", help="Begin each shortcode with this.")
@click.option("--suffix", default="", help="End each shortcode with this.")
@click.option("--category", default="", help="The heading they stand under where emoji are chosen.")
@click.option("--unlisted", is_flag=True, help="Leave them out where emoji are chosen.")
@click.option("--overwrite", is_flag=True, help="Replace those that are there.")
@json_option
def import_pack(
    config_path: Path | None,
    pack: Path,
    prefix: str,
    suffix: str,
    category: str,
    unlisted: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Make emoji of the pictures in a folder, zip or tar archive; their file names become the shortcodes."""
    wanted = Pack(prefix, suffix, category, listed=not unlisted, replaces=overwrite)

    async def work(config: Config) -> Imported:
        async with build_server(config) as server:
            return await emojis.import_pack(server, pack, wanted)

    done = run(work(load_config(config_path)))
    if as_json:
        print_json({"added": done.added, "skipped": done.skipped, "refused": done.refused})
        return
    click.echo(f"{len(done.added)} added, {len(done.skipped)} there already, {len(done.refused)} refused.")
    for name, why in done.refused.items():
        click.echo(f"{name}: {why}", err=True)


@emoji.command("list")
@config_option
@json_option
def list_all(config_path: Path | None, as_json: bool) -> None:
    """All of this server's emoji."""

    async def work(config: Config) -> list[dict[str, Any]]:
        async with build_server(config) as server:
            return [
                {
                    "shortcode": row.shortcode,
                    "category": row.category,
                    "url": row.url,
                    "listed": bool(row.visible_in_picker),
                    "disabled": bool(row.disabled),
                }
                for row in await emojis.listed(server)
            ]

    found = run(work(load_config(config_path)))
    if as_json:
        print_json({"emojis": found})
        return
    for one in found:
        state = "disabled" if one["disabled"] else "" if one["listed"] else "unlisted"
        click.echo(f":{one['shortcode']}:{'':<4}{one['category']:20} {state:9} {one['url']}")


@emoji.command("disable")
@config_option
@click.argument("shortcodes", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Let them be written again.")
def disable(config_path: Path | None, shortcodes: tuple[str, ...], undo: bool) -> None:
    """Keep emoji out of new posts and profiles; those that have them keep them."""

    async def work(config: Config) -> None:
        async with build_server(config) as server:
            for shortcode in shortcodes:
                await emojis.disable(server, shortcode, disabled=not undo)

    run(work(load_config(config_path)))


@emoji.command("remove")
@config_option
@click.argument("shortcodes", nargs=-1, required=True)
def remove(config_path: Path | None, shortcodes: tuple[str, ...]) -> None:
    """Remove emoji with their files; posts and profiles show the shortcode again."""

    async def work(config: Config) -> None:
        async with build_server(config) as server:
            for shortcode in shortcodes:
                await emojis.remove(server, shortcode)

    run(work(load_config(config_path)))


commands: Final[tuple[click.Command, ...]] = (emoji,)
