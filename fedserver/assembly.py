"""Building a Server and starting what this process should do: the only place that knows all parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, Protocol

from activitypub.identifiers import Uris
from fedserver import (
    collections,
    dashboards,
    digests,
    email_subscriptions,
    greeting,
    mail,
    oauth,
    operations,
    previews,
    pruning,
    refusals,
    remote_media,
    search_index,
    settings,
    signup,
    trends,
    uploads,
)
from fedserver.archives import received
from fedserver.config import Config, ConfigError
from fedserver.context import Server
from fedserver.events import guests, reminding
from fedserver.events.importing import subscribing
from fedserver.federation import library
from fedserver.federation.deliver import DeliveryLanes
from fedserver.federation.http import GuardedClient
from fedserver.federation.inbox_worker import InboxWorker
from fedserver.federation.policy import check_address, check_not_rejected
from fedserver.federation.publish import Publisher
from fedserver.jobs.engine import open_engine
from fedserver.jobs.periodic import Chore, Chores
from fedserver.keys import Keys
from fedserver.live import Bus
from fedserver.mail_in import arrivals
from fedserver.mail_in.mailbox import MailboxReader
from fedserver.media.clips import ClipProcessor
from fedserver.media.images import ImageProcessor
from fedserver.media.store import DiskStore, MediaStore
from fedserver.moderation import chores as moderation
from fedserver.moving_in import runs
from fedserver.observe import Metrics, TimedDatabase
from fedserver.opportunities import forgetting
from fedserver.resources import files, links
from fedserver.resources.faces import harvesting
from fedserver.translation_services import open_service
from fedserver.translations import Translator
from storage import deliveries, inbox, migrate, sessions, timelines
from storage.database import Database, open_database
from storage.types import now_ms

log = logging.getLogger("fedserver.assembly")

HOUR_SECONDS: Final = 3600.0
IMAGE_WORKERS: Final = 2
DAY_SECONDS: Final = 24 * HOUR_SECONDS


class OutdatedSchema(Exception):
    """The database is older (or newer) than this version; the text says what to do."""


class Background(Protocol):
    """Work that goes on beside the requests."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Finish or put back what is in hand, and return."""


@asynccontextmanager
async def build_server(config: Config, *, jobs: bool = False) -> AsyncIterator[Server]:
    """A Server on the database that `config` names; with `jobs` it also delivers, and works off jobs and inbox.

    Brings a SQLite database up to date. Raises OutdatedSchema for a PostgreSQL one that is not: several
    processes may be using it. At the end everything is stopped and closed, in reverse order.
    """
    for note in config.notes:
        log.warning(note)
    if config.testing.enabled:
        log.warning("Federation test mode is on. This server is not for people.")
    await asyncio.to_thread(config.data_dir.mkdir, mode=0o700, parents=True, exist_ok=True)
    await _prepare_schema(config)
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        opened = await _open_database(config)
        stack.push_async_callback(opened.close)
        db: Database = TimedDatabase(opened, metrics)
        uris = Uris(config.origin)
        keys = await Keys.open(db, config, uris)
        await db.write(settings.keep_mode, config)
        bus = Bus()
        http = GuardedClient(config)
        stack.push_async_callback(http.close)
        images = ImageProcessor(workers=IMAGE_WORKERS, bytes_max=config.upload_bytes_max)
        stack.push_async_callback(images.close)
        service = open_service(config)
        translator = None if service is None else Translator(service)
        if translator is not None:
            stack.push_async_callback(translator.close)
        server = Server(
            config=config,
            db=db,
            uris=uris,
            keys=keys,
            publish=Publisher(uris, keys, config),
            http=http,
            bus=bus,
            mail=mail.open_mailer(config),
            media=_open_media(config),
            images=images,
            clips=ClipProcessor(config),
            metrics=metrics,
            translator=translator,
        )
        stack.push_async_callback(server.downloads.close)
        http.before_asking = partial(check_not_rejected, server)
        http.before_redirect = partial(check_address, server)
        db.listen(bus.tell)
        server.remembered.listen(bus)
        server.peers.listen(bus)
        server.library.listen(bus)
        if jobs:
            for background in _background(server):
                await background.start()
                stack.push_async_callback(background.stop)
        yield server


async def _prepare_schema(config: Config) -> None:
    url = config.database_url
    if await asyncio.to_thread(migrate.is_current, url):
        return
    if url.startswith("sqlite:"):
        await asyncio.to_thread(migrate.upgrade, url)
    else:
        raise OutdatedSchema(
            "The database is not at the version of this program. Stop all servers and workers on it, run "
            "fedserver migrate, and start them again."
        )


def _background(server: Server) -> list[Background]:
    return [
        *([MailboxReader(server)] if server.config.mail_in else []),
        open_engine(server),
        DeliveryLanes(server),
        InboxWorker(server),
        Chores(
            server,
            [
                Chore("forget unused apps, codes and tokens", DAY_SECONDS, oauth.remove_unused),
                Chore("forget sign-ups never confirmed", DAY_SECONDS, signup.forget_unconfirmed),
                Chore("forget who greeted whom", DAY_SECONDS, greeting.forget_old),
                Chore("forget who was refused", DAY_SECONDS, partial(refusals.forget_old, server.config)),
                Chore(
                    "forget ended sessions", DAY_SECONDS, lambda conn: sessions.remove_expired(conn, now_ms())
                ),
                Chore("remove uploads that nobody posted", HOUR_SECONDS, uploads.plan_cleaning),
                Chore(
                    "read calendars that are subscribed to", subscribing.LOOK_SECONDS, subscribing.plan_due
                ),
                Chore("ask links of resources", links.LOOK_SECONDS, links.plan_asking),
                Chore("remove files that no resource has", HOUR_SECONDS, files.remove_unused, in_parts=True),
                Chore("remove archives that nobody waits for", DAY_SECONDS, received.plan_cleaning),
                Chore("forget what was brought along", DAY_SECONDS, runs.forget_old),
                Chore("trim copies of remote media", HOUR_SECONDS, remote_media.plan_trimming),
                Chore("look whether the disk is full", HOUR_SECONDS, operations.plan_disk_look),
                Chore("count what happened by day", HOUR_SECONDS, dashboards.plan_counting),
                Chore("prune at night", HOUR_SECONDS, partial(pruning.plan_nightly, server.config)),
                Chore("keep home timelines short", HOUR_SECONDS, timelines.trim_homes, in_parts=True),
                Chore("forget delivered messages", HOUR_SECONDS, deliveries.prune),
                Chore("read the libraries of partners", DAY_SECONDS, library.plan_reading),
                Chore("count what is talked about", 10 * 60, trends.plan_computing),
                Chore("forget previews that nobody shows", DAY_SECONDS, previews.forget_old),
                Chore("forget who left a collection", DAY_SECONDS, collections.forget_refused),
                Chore(
                    "forget addresses never confirmed", DAY_SECONDS, email_subscriptions.forget_unconfirmed
                ),
                Chore("plan digests that are due", digests.LOOK_SECONDS, digests.plan_due),
                Chore("remind of events", reminding.LOOK_SECONDS, reminding.plan_due),
                Chore("forget who came by mail", HOUR_SECONDS, guests.forget_old),
                Chore("forget reminders of events", DAY_SECONDS, reminding.forget_old),
                Chore("forget applications whose time has come", DAY_SECONDS, forgetting.forget),
                Chore("forget mails that came long ago", DAY_SECONDS, arrivals.forget_old),
                Chore("index posts and names that came before", DAY_SECONDS, search_index.plan_filling),
                Chore("forget old arrivals", HOUR_SECONDS, lambda conn: inbox.forget_old(conn, now_ms())),
                Chore("tell harvesters of what has gone", harvesting.CATCH_UP_SECONDS, harvesting.catch_up),
                *moderation.chores(server),
            ],
        ),
    ]


async def _open_database(config: Config) -> Database:
    bus = "" if config.bus == "postgresql" else config.bus
    try:
        return await open_database(config.database_url, bus)
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise ConfigError("Processes that meet in a Valkey need: pip install 'fedserver[valkey]'.") from error


def _open_media(config: Config) -> MediaStore:
    if config.media:
        try:  # the client of object stores, which few servers need
            from fedserver.media.s3 import open_bucket
        except ModuleNotFoundError as error:
            raise ConfigError("Media in an object store need: pip install 'fedserver[s3]'.") from error
        return open_bucket(config)
    return DiskStore(config.data_dir / "media", f"{config.origin}/media")
