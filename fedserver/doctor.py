"""What a server needs from its surroundings: looked at one by one, each with a remedy."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import stat
import struct
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import packages_distributions
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from activitypub.discovery import read_jrd
from activitypub.errors import Malformed
from activitypub.identifiers import Uris
from fedserver.backups import making as backups
from fedserver.config import Config
from fedserver.errors import BadAnswer, Unreachable
from fedserver.federation.http import JRD, GuardedClient
from fedserver.mail_in import mailbox
from fedserver.media import clips
from storage import audit, migrate
from storage.database import open_database
from storage.types import now_ms

FREE_BYTES_LOW: Final = 1_000_000_000
CLOCK_SECONDS_OFF: Final = 5.0
TIME_SERVER: Final = ("pool.ntp.org", 123)
_NTP_TO_UNIX: Final = 2_208_988_800
WAIT_SECONDS_MAX: Final = 20
BACKUP_DAYS_OLD: Final = 7
PACKAGES: Final = ("activitypub", "fedserver", "storage", "web")


class Result(msgspec.Struct, frozen=True):
    """One check: `found` is a sentence, `remedy` what to do about it ("" when all is well)."""

    name: str
    state: Literal["good", "warn", "bad"]
    found: str
    remedy: str = ""


async def examine(config: Config) -> list[Result]:
    """Every check that makes sense for these settings, in order."""
    checks: list[tuple[str, Callable[[Config], Awaitable[Result]]]] = [
        ("packages", packages),
        ("permissions", permissions),
        ("disk", disk),
        ("database", database),
        ("audit log", audit_log),
        ("backup", backup),
        ("video and sound", ffmpeg),
    ]
    if config.media:
        checks.append(("media", media))
    if config.federates and not config.testing.enabled:
        checks += [("clock", clock), ("DNS", dns), ("TLS and WebFinger", webfinger)]
    if config.mail.startswith("smtp"):
        checks.append(("SMTP", smtp))
    if config.mail_in:
        checks.append(("mail in", mail_in))
    results = []
    for name, check in checks:
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                results.append(await check(config))
        except TimeoutError:
            results.append(
                Result(name, "bad", f"No answer within {WAIT_SECONDS_MAX} seconds.", "Try again later.")
            )
    if not config.federates:
        results.append(
            Result(
                "federation", "warn", f"It is off at {config.origin}.", "Set url to a public https origin."
            )
        )
    return results


async def packages(_: Config) -> Result:
    """Whether another distribution has put itself in the place of one of our packages."""
    owners = packages_distributions()
    homes: set[Path] = set()
    for name in PACKAGES:
        others = sorted(set(owners.get(name, [])) - {"fedserver"})
        if others:
            return Result(
                "packages",
                "bad",
                f"{', '.join(others)} has installed files into our package {name}.",
                f"Uninstall {', '.join(others)}, then run in our own folder: pip install --force-reinstall --no-deps .",
            )
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            return Result("packages", "bad", f"Our package {name} is missing.", "Install fedserver again.")
        homes.add(Path(spec.origin).parent.parent)
    if len(homes) > 1:
        places = ", ".join(sorted(map(str, homes)))
        return Result(
            "packages",
            "bad",
            f"Our packages come from several places: {places}.",
            "Remove all but one of them.",
        )
    return Result("packages", "good", "Nothing stands in the place of ours.")


async def permissions(config: Config) -> Result:
    """Whether we can write where we must, and others cannot read what they must not."""
    folder = config.data_dir
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Result(
            "permissions",
            "bad",
            f"{folder} cannot be written to.",
            f"Give it to this user: chown {os.getuid()} {folder}",
        )
    secret = [path for path in (config.file, *folder.glob("*.db*")) if path is not None and path.exists()]
    closed = not folder.stat().st_mode & stat.S_IXOTH
    readable = [] if closed else [path for path in secret if path.stat().st_mode & stat.S_IROTH]
    if readable:
        names = " ".join(map(str, readable))
        return Result(
            "permissions", "warn", f"Every user of this machine can read {names}.", f"chmod o-rwx {folder}"
        )
    return Result("permissions", "good", f"{folder} is ours.")


async def disk(config: Config) -> Result:
    """Whether there is room in the data directory."""
    usage = shutil.disk_usage(config.data_dir if config.data_dir.is_dir() else config.data_dir.parent)
    free = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free."
    if usage.free < FREE_BYTES_LOW:
        return Result("disk", "bad", free, "Make room, or move the data directory to a larger disk.")
    return Result("disk", "good", free)


async def database(config: Config) -> Result:
    """Whether the database answers and has the schema of this version."""
    try:
        current = await asyncio.to_thread(migrate.is_current, config.database_url)
    except Exception as error:
        # Drivers raise what they like; whatever it is, the operator has to hear it.
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Result("database", "bad", f"It does not answer: {text}", "Check the setting database.")
    if not current:
        return Result("database", "bad", "Its schema is not that of this version.", "Run fedserver migrate.")
    return Result("database", "good", "It answers and is up to date.")


async def audit_log(config: Config) -> Result:
    """Whether every entry of the audit log is as it was written."""
    name = "audit log"
    try:
        if not await asyncio.to_thread(migrate.is_current, config.database_url):
            return Result(name, "warn", "It was not looked at.", "Run fedserver migrate.")
        db = await open_database(config.database_url)
    except Exception as error:
        return Result(name, "warn", f"It was not looked at: {type(error).__name__}.", "See to the database.")
    try:
        broken, last = await db.read(audit.first_broken), await db.read(audit.head)
    finally:
        await db.close()
    if broken is not None:
        return Result(
            name,
            "bad",
            f"Entry {broken} is not as it was written, or one before it is missing.",
            "Find out who can write to the database; the log of the server has the digest of each entry.",
        )
    if last is None:
        return Result(name, "good", "It is empty.")
    return Result(name, "good", f"All {last.number} entries hold; the last is {last.digest.hex()[:16]}.")


async def backup(config: Config) -> Result:
    """How old the newest backup is that fedserver has made."""
    name = "backup"
    try:
        db = await open_database(config.database_url)
        try:
            found = await db.read(backups.last)
        finally:
            await db.close()
    except Exception as error:
        # Drivers raise what they like; what is wrong with the database, its own check says.
        return Result(name, "warn", f"It was not looked for: {type(error).__name__}.", "See to the database.")
    if found is None:
        return Result(name, "warn", "None was made by fedserver.", "Once a night: fedserver backup FILE")
    days = (now_ms() - found.made_at) // 86_400_000
    age = "Made today" if days == 0 else f"Made {days} days ago" if days > 1 else "Made yesterday"
    size = f"{found.bytes / 1e6:.1f} MB"
    if found.missing:
        lacks = f"{age}, {size}, but {found.missing} files are missing."
        return Result(name, "warn", lacks, "Bring the files back from an older one: they are in media/.")
    if days >= BACKUP_DAYS_OLD:
        return Result(name, "warn", f"{age}.", "Once a night: fedserver backup FILE")
    return Result(name, "good", f"{age}, {size}.")


async def ffmpeg(config: Config) -> Result:
    """Whether members can upload video and sound, which needs ffmpeg with the encoders that we ask it for."""
    name = "video and sound"
    program, probe = clips.find(config.ffmpeg)
    if not config.ffmpeg:
        return Result(name, "good", "They are turned off.")
    if program is None or probe is None:
        return Result(
            name,
            "warn",
            f"{config.ffmpeg} or ffprobe is not installed: members can upload neither, and GIFs stay as they are.",
            "apt-get install ffmpeg, or set ffmpeg to an empty text.",
        )
    asking = await asyncio.create_subprocess_exec(
        program,
        "-hide_banner",
        "-encoders",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await asking.communicate()
    missing = [encoder for encoder in clips.ENCODERS if f" {encoder} ".encode() not in said]
    if missing:
        return Result(
            name,
            "bad",
            f"{program} lacks {', '.join(missing)}.",
            "Install an ffmpeg that was built with them.",
        )
    return Result(name, "good", f"{program} converts them.")


async def media(config: Config) -> Result:
    """Whether the object store takes, shows and deletes files."""
    from fedserver.media.s3 import trial  # few servers need its client

    problem = await trial(config)
    if problem:
        return Result(
            "media",
            "bad",
            f"{config.media}: {problem}",
            "Check s3_endpoint, s3_region, the keys, and that the bucket is there and may be written to.",
        )
    return Result("media", "good", f"{config.media} takes and gives files.")


async def clock(_: Config) -> Result:
    """Whether our clock is right, by one SNTP question (RFC 4330): signatures are refused for a wrong time."""
    try:
        offset = await asyncio.to_thread(_clock_offset)
    except OSError as error:
        return Result(
            "clock",
            "warn",
            f"No time server could be asked ({error}).",
            "Check that the clock is kept by NTP.",
        )
    if abs(offset) > CLOCK_SECONDS_OFF:
        return Result(
            "clock", "bad", f"It is {offset:+.1f} seconds off.", "Turn on NTP: timedatectl set-ntp true"
        )
    return Result("clock", "good", f"It is right to within {abs(offset):.2f} seconds.")


def _clock_offset() -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        sent = time.time()
        asking.sendto(b"\x1b" + 47 * b"\0", TIME_SERVER)
        answer, _ = asking.recvfrom(64)
        received = time.time()
    if len(answer) < 48:
        raise OSError("the answer is too short")
    seconds, fraction = struct.unpack("!II", answer[40:48])
    theirs: float = seconds - _NTP_TO_UNIX + fraction / 2**32
    return (sent + received) / 2 - theirs


async def dns(config: Config) -> Result:
    """Whether the names of domain and origin lead to public addresses."""
    for host in dict.fromkeys((_host(config.origin), _host("//" + config.domain))):
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError:
            return Result("DNS", "bad", f"{host} has no address.", f"Add an A and an AAAA record for {host}.")
        private = sorted({str(entry[4][0]) for entry in found if not ip_address(entry[4][0]).is_global})
        if private:
            return Result(
                "DNS",
                "warn",
                f"From here {host} is {', '.join(private)}, which others cannot reach.",
                "Check from outside that it leads to this server.",
            )
    return Result("DNS", "good", "The names lead to public addresses.")


async def webfinger(config: Config) -> Result:
    """Whether others find our instance actor: over TLS, at the domain of the handles, and it is ours."""
    name = "TLS and WebFinger"
    uris = Uris(config.origin)
    client = GuardedClient(config)
    url = f"https://{config.domain}/.well-known/webfinger?resource=acct:{config.domain}@{config.domain}"
    try:
        answer = await client.get_json(url, accept="application/jrd+json", content_types=JRD)
        found = read_jrd(answer.json).self_uri
    except BadAnswer as error:
        return Result(
            name,
            "bad",
            str(error),
            f"Forward /.well-known/webfinger of {config.domain} to {config.origin}, query included.",
        )
    except Unreachable as error:
        remedy = {
            "tls": "Renew the certificate, and send its whole chain.",
            "refused": "Start the web server in front, and open port 443.",
            "blocked_address": "From here the name is a private address; ask from outside.",
        }.get(error.reason, "Check DNS, firewall and the web server in front.")
        return Result(name, "warn" if error.reason == "blocked_address" else "bad", str(error), remedy)
    except Malformed as error:
        return Result(
            name, "bad", f"WebFinger answers something else: {error}.", "Check who answers for the domain."
        )
    finally:
        await client.close()
    if found != uris.instance_actor():
        return Result(
            name, "bad", f"WebFinger names {found}.", f"Set url to the origin that should be {config.domain}."
        )
    return Result(name, "good", "Others find us.")


async def smtp(config: Config) -> Result:
    """Whether the mail server takes our connection and password; nothing is sent."""
    parts = urlsplit(config.mail)
    port = parts.port or (465 if parts.scheme == "smtps" else 587)
    client = aiosmtplib.SMTP(
        hostname=parts.hostname, port=port, use_tls=parts.scheme == "smtps", timeout=WAIT_SECONDS_MAX - 5
    )
    try:
        async with client:
            if parts.username:
                await client.login(unquote(parts.username), unquote(parts.password or ""))
    except (aiosmtplib.SMTPException, OSError) as error:
        return Result(
            "SMTP",
            "bad",
            f"{parts.hostname}:{port}: {error}",
            "Check the setting mail: host, port, password.",
        )
    return Result("SMTP", "good", f"{parts.hostname}:{port} takes our mail.")


async def mail_in(config: Config) -> Result:
    """Whether the mailbox that members post by lets us in; nothing in it is touched."""
    from imapclient.exceptions import IMAPClientError

    host = _host(config.mail_in)
    try:
        client = await asyncio.to_thread(mailbox.connect, config)
    except (IMAPClientError, OSError) as error:
        return Result(
            "mail in",
            "bad",
            f"{host}: {str(error) or type(error).__name__}",
            "Check the setting mail_in: host, user, password, mailbox.",
        )
    tells = "tells of new mails" if client.has_capability("IDLE") else "is looked into now and then"
    await asyncio.to_thread(client.logout)
    return Result("mail in", "good", f"The mailbox at {host} {tells}.")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
