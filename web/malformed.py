"""What is no HTTP, or could be read in two ways: aiohttp answers it with 400 before anything of ours is asked.

By itself it does so under its own name and version, and puts the line into the log, with a traceback: there it is of no use, and
may have somebody's secret in it.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp import web_response
from aiohttp.http_exceptions import BadHttpMessage

NAME: Final = "fedserver"


def answer_quietly() -> None:
    """Have such answers say no more than ours, and nothing of them in the log."""
    web_response.SERVER_SOFTWARE = NAME  # type: ignore[attr-defined]
    logging.getLogger("aiohttp.server").addFilter(_is_about_us)


def _is_about_us(record: logging.LogRecord) -> bool:
    return record.exc_info is None or not isinstance(record.exc_info[1], BadHttpMessage)
