"""What the commands share: reading the settings, running a coroutine, one JSON object as output, one way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from fedserver import config as settings
from fedserver.assembly import OutdatedSchema
from fedserver.config import Config, ConfigError
from fedserver.errors import FedError
from fedserver.observe import set_up_logging

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; default: FEDSERVER_CONFIG, else fedserver.toml in the data directory.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


class Commands(click.Group):
    """A group of commands that tells what an operator can mend in one line, with exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, OutdatedSchema, FedError) as error:
            raise click.ClickException(str(error)) from error


def load_config(path: Path | None) -> Config:
    """The settings, from the file named on the command line or before its command, with logging set up."""
    context = click.get_current_context(silent=True)
    if path is None and context is not None:
        path = context.find_root().params.get("config_path")
    config = settings.load(path)
    set_up_logging(config.log_level)
    return config


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)


def moment(at_ms: int | None) -> str | None:
    """An instant as commands print it: ``2026-11-29T09:43+00:00``."""
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="minutes")


def print_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    click.echo(msgspec.json.encode(value).decode())
