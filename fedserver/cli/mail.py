"""``fedserver mail receive``: how a mail server hands over what members write by mail."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

from fedserver.cli.common import config_option, load_config, run
from fedserver.cli.people import opened
from fedserver.config import Config, ConfigError
from fedserver.mail_in.arrivals import Outcome, take_in

log = logging.getLogger("fedserver.mail")

# What mail servers make of each: an answer to the sender, or another try (sysexits.h).
_STATUS: Final = {
    Outcome.TAKEN: 0,
    Outcome.KNOWN: 0,
    Outcome.IGNORED: 0,
    Outcome.UNKNOWN: os.EX_NOUSER,
    Outcome.LATER: os.EX_TEMPFAIL,
}


@click.group("mail")
def mail_group() -> None:
    """What members write by mail."""


@mail_group.command("receive")
@config_option
@click.option("--recipient", "recipients", multiple=True, help="For whom it is, as the mail server was told.")
@click.option("--sender", help="Who sent it, as the mail server was told; empty for a bounce.")
def receive(config_path: Path | None, recipients: Sequence[str], sender: str | None) -> None:
    """Take in one mail from standard input, for a mail server's pipe. The running server posts it.

    The exit status is one of sysexits: 0 when it was taken or ignored, 67 for an address that is not ours, 75 when
    it should be tried again, 69 and 78 when mail is not set up.
    """
    try:
        config = load_config(config_path)
    except ConfigError as error:
        _end(os.EX_CONFIG, str(error))
    if not config.mail_in_address:
        _end(os.EX_UNAVAILABLE, "Nobody posts by mail here: mail_in_address is not set.")
    stdin = sys.stdin.buffer
    raw = stdin.read(config.mail_in_bytes_max + 1)
    while stdin.read(1 << 16):  # a mail server takes a closed pipe for a failure
        pass
    try:
        outcome = run(_take(config, raw, recipients, sender))
    except Exception:
        # Whatever it was, the mail server has to keep the mail: with another status it would send it back.
        log.exception("A mail could not be kept.")
        _end(os.EX_TEMPFAIL, "It cannot be taken at present; please try again.")
    if outcome in (Outcome.UNKNOWN, Outcome.LATER):
        _end(_STATUS[outcome], f"This mail is {outcome.value}.")


async def _take(config: Config, raw: bytes, recipients: Sequence[str], sender: str | None) -> Outcome:
    async with opened(config) as here:
        return await take_in(here.db, config, raw, recipients=recipients, sender=sender)


def _end(status: int, words: str) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(status)


commands: Final = (mail_group,)
