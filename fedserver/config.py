"""Every setting once: name, type, default and the sentence that explains it.

Settings come from `fedserver.toml` and from `FEDSERVER_*` environment variables, which win. What is given
there is locked in the panel (`Config.given`); the rest an admin may change at run time, and then the value
here is only where that begins.
"""

# Long because every setting stands here once, with its sentence.

import difflib
import json
import os
import re
import textwrap
import tomllib
import zoneinfo
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from fedserver.config_values import (
    PREFIX,
    ConfigError,
    Listen,
    address_and_port,
    both_names,
    check,
    domain_and_url,
    is_address_to_extend,
    is_loopback,
    parses,
    read_listen,
    read_mailbox,
    static_host,
)

__all__ = [
    "FILE_NAME",
    "Config",
    "ConfigError",
    "Listen",
    "Settings",
    "Testing",
    "describe",
    "load",
    "write_initial",
]

FILE_NAME = "fedserver.toml"


class Testing(Struct, frozen=True, kw_only=True):
    """What makes two servers on one machine possible. Nothing of it holds unless `enabled`."""

    enabled: Annotated[bool, Meta(description="Turns federation test mode on; never in production.")] = False
    allow_http: Annotated[
        bool, Meta(description="Allows http:// origins, for us and for peers; http never speaks for https.")
    ] = False
    allow_nets: Annotated[
        tuple[str, ...], Meta(description="CIDRs that may be dialled although private, such as 127.0.0.0/8.")
    ] = ()
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Static names, each name[:port]=address:port, like curl's --resolve."),
    ] = ()
    dns: Annotated[str, Meta(description="address:port of a DNS server to ask instead of the system's.")] = ""
    ca: Annotated[str, Meta(description="File with PEM certificates that are trusted in addition.")] = ""
    time_scale: Annotated[
        float, Meta(description="Back-off and retention run this many times faster; their shape stays.")
    ] = 1.0

    @property
    def static_hosts(self) -> dict[tuple[str, int | None], tuple[str, int]]:
        """`hosts` as (name, port or None for every port) -> (address, port)."""
        return dict(static_host(entry) for entry in self.hosts)


class Settings(Struct, frozen=True, kw_only=True):
    """The settings by their names in the file. In the environment: FEDSERVER_ and the name in capitals."""

    domain: Annotated[
        str,
        Meta(description="The domain in handles: @name@DOMAIN. It cannot be changed once others know it."),
    ] = ""
    url: Annotated[
        str,
        Meta(
            description="Public origin of every id and page; empty means https://DOMAIN. May differ from it."
        ),
    ] = ""
    data: Annotated[
        str,
        Meta(description="Data directory: SQLite file, media, keys; empty means the folder of this file."),
    ] = ""
    database: Annotated[
        str, Meta(description="sqlite:///PATH or postgresql://…; empty means SQLite in the data directory.")
    ] = ""
    bus: Annotated[
        str,
        Meta(
            description="Where several processes on PostgreSQL hear of each other: empty or postgresql means in the "
            "database; or redis://HOST:PORT for a Valkey or Redis (needs fedserver[valkey])."
        ),
    ] = ""
    media: Annotated[
        str,
        Meta(
            description="Where media are kept: empty means the data directory; or s3://BUCKET/PREFIX for an object store."
        ),
    ] = ""
    media_url: Annotated[
        str,
        Meta(
            description="Where browsers find what is kept in the object store, such as https://media.example.org; "
            "empty means through this server."
        ),
    ] = ""
    s3_endpoint: Annotated[
        str, Meta(description="Address of the object store; empty means that of AWS for the region.")
    ] = ""
    s3_region: Annotated[str, Meta(description="Region of the object store.")] = "us-east-1"
    s3_access_key: Annotated[
        str,
        Meta(description="Access key id for it; empty means AWS_ACCESS_KEY_ID, or the role of this machine."),
    ] = ""
    s3_secret_key: Annotated[str, Meta(description="The secret that goes with it.")] = ""
    s3_path_style: Annotated[
        bool,
        Meta(description="Puts the bucket into the path instead of the host name, as most stores want it."),
    ] = True
    mail: Annotated[
        str, Meta(description="smtp[s]://USER:PASSWORD@HOST:PORT, dir:PATH (one .eml file a mail) or log:")
    ] = "log:"
    mail_from: Annotated[
        str, Meta(description="Sender address of mails; empty means noreply@ and the host of the domain.")
    ] = ""
    mail_in_address: Annotated[
        str,
        Meta(
            description="Address by which members post by mail, such as reply@trainers.example: each mail to them gets "
            "one of its own, reply+CODE@trainers.example. Empty means that nobody posts by mail."
        ),
    ] = ""
    mail_in: Annotated[
        str,
        Meta(
            description="Mailbox that such mails come to: imaps://USER:PASSWORD@HOST:PORT/MAILBOX. Empty means that "
            "a mail server hands them to fedserver mail receive."
        ),
    ] = ""
    mail_in_seconds: Annotated[
        int,
        Meta(
            description="How often the mailbox is looked into, in seconds; where it tells of new mails itself (IDLE), "
            "they are fetched at once.",
            ge=1,
        ),
    ] = 60
    mail_in_bytes_max: Annotated[
        int, Meta(description="Largest mail that is taken, with its attachments, in bytes.", ge=1)
    ] = 25_000_000
    listen: Annotated[
        str, Meta(description="Where the server listens: HOST:PORT, or unix:PATH for a socket.")
    ] = "127.0.0.1:8080"
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="CIDRs of proxies whose X-Forwarded-* headers are believed.")
    ] = ("127.0.0.0/8", "::1/128")
    rate_limit_factor: Annotated[float, Meta(description="Multiplies every rate limit; 1 is the norm.")] = 1.0
    registrations: Annotated[
        Literal["closed", "approval", "open", "invite"],
        Meta(
            description="Who may sign up: nobody, whoever an admin approves, anybody, or whoever is invited."
        ),
    ] = "approval"
    federation_mode: Annotated[
        Literal["open", "allowlist", "closed"],
        Meta(description="With whom we federate: everybody not blocked, partners only, or nobody."),
    ] = "open"
    secure_mode: Annotated[
        bool,
        Meta(description="Other servers must sign what they fetch, so that blocks hold for reading too."),
    ] = True
    local_live_feed_access: Annotated[
        Literal["public", "authenticated", "disabled"],
        Meta(description="Who may read the timeline of this server's public posts; moderators always may."),
    ] = "public"
    remote_live_feed_access: Annotated[
        Literal["public", "authenticated", "disabled"],
        Meta(description="Who may read the timeline of other servers' public posts; moderators always may."),
    ] = "public"
    local_topic_feed_access: Annotated[
        Literal["public", "authenticated"],
        Meta(description="Who may read this server's posts in the timeline of a hashtag."),
    ] = "public"
    remote_topic_feed_access: Annotated[
        Literal["public", "authenticated", "disabled"],
        Meta(description="Who may read other servers' posts in the timeline of a hashtag."),
    ] = "public"
    profile_directory: Annotated[
        bool, Meta(description="Offers a directory of the accounts that want to be found.")
    ] = True
    trends: Annotated[
        bool, Meta(description="Whether to show which hashtags, posts and links are talked about at present.")
    ] = True
    featured_accounts: Annotated[
        tuple[str, ...], Meta(description="Handles of accounts that are suggested to every member.")
    ] = ()
    email_subscriptions: Annotated[
        bool,
        Meta(description="Lets members offer their public posts by e-mail to people without an account."),
    ] = False
    title: Annotated[str, Meta(description="Name of the community, shown on every page.")] = "fedserver"
    description: Annotated[str, Meta(description="One or two sentences about the community.")] = ""
    contact_email: Annotated[
        str, Meta(description="Public address for questions, reports and security matters.")
    ] = ""
    language: Annotated[
        str, Meta(description="Language tag for those who have chosen none (BCP 47).", min_length=2)
    ] = "en"
    time_zone: Annotated[
        str, Meta(description="Time zone of events and mails for those who have chosen none (IANA name).")
    ] = "UTC"
    upload_bytes_max: Annotated[
        int,
        Meta(
            description="Largest picture or other file a member may upload, in bytes. The panel can set less.",
            ge=1,
        ),
    ] = 40_000_000
    resource_file_bytes_max: Annotated[
        int,
        Meta(
            description="Largest file of a resource of the library, in bytes. The panel can set less.", ge=1
        ),
    ] = 100_000_000
    ffmpeg: Annotated[
        str,
        Meta(
            description="Program that converts video and sound, with ffprobe beside it; where it is missing, or this "
            "is empty, members can upload neither."
        ),
    ] = "ffmpeg"
    video_bytes_max: Annotated[
        int,
        Meta(
            description="Largest video or sound a member may upload, in bytes. The panel can set less.", ge=1
        ),
    ] = 103_809_024
    video_pixels_max: Annotated[
        int, Meta(description="Largest picture of a video: width times height.", ge=1)
    ] = 8_294_400
    video_frame_rate_max: Annotated[
        int, Meta(description="Most pictures a second that a video may have.", ge=1)
    ] = 120
    video_seconds_max: Annotated[
        int, Meta(description="Longest video or sound a member may upload, in seconds.", ge=1)
    ] = 1_800
    member_bytes_max: Annotated[
        int, Meta(description="Space for all files of one member together, in bytes.", ge=1)
    ] = 2_000_000_000
    remote_media_days: Annotated[
        int, Meta(description="Copies of other servers' media are deleted after so many days.", ge=1)
    ] = 14
    remote_media_bytes_max: Annotated[
        int,
        Meta(
            description="Space for copies of other servers' media, in bytes; what was not looked at for longest goes "
            "first. With 0 there are none: apps and browsers fetch them from where they are.",
            ge=0,
        ),
    ] = 2_000_000_000
    remote_file_bytes_max: Annotated[
        int,
        Meta(
            description="Largest file of another server that is copied, in bytes; larger ones are fetched from there.",
            ge=1,
        ),
    ] = 40_000_000
    remote_post_days: Annotated[
        int,
        Meta(
            description="Other servers' posts nobody here answered or kept go after so many days; 0 never.",
            ge=0,
        ),
    ] = 90
    delivery_hosts_max: Annotated[
        int, Meta(description="To how many servers at once activities are delivered.", ge=1, le=128)
    ] = 64
    translation_service: Annotated[
        Literal["", "libretranslate", "deepl"],
        Meta(
            description="The program that translates posts for members; empty means that nothing is translated."
        ),
    ] = ""
    translation_url: Annotated[
        str, Meta(description="Address of LibreTranslate; for DeepL it follows from the key.")
    ] = ""
    translation_key: Annotated[str, Meta(description="The key for it, where it wants one.")] = ""
    doi_resolver: Annotated[
        str, Meta(description="Who is asked what is known of a DOI that a member brings in.")
    ] = "https://doi.org"
    zenodo_url: Annotated[str, Meta(description="Where the records of Zenodo are that members bring in.")] = (
        "https://zenodo.org"
    )
    metrics_token: Annotated[
        str, Meta(description="Bearer token for /metrics from elsewhere than this machine; empty means none.")
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least that is worth a log line.")
    ] = "info"
    testing: Testing = Testing()


class Config(Settings, frozen=True, kw_only=True):
    """Settings that were read, completed and found usable: paths are absolute, `url` and `domain` are set.

    `given` names what file or environment set (`"domain"`, `"testing.enabled"`); `notes` are sentences for
    the start-up log about settings that have no effect.
    """

    given: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    file: Path | None = None

    @property
    def origin(self) -> str:
        """Scheme and authority, without a slash at the end."""
        return self.url

    @property
    def federates(self) -> bool:
        """Whether this origin can federate at all. Whether it should is `federation_mode`."""
        parts = urlsplit(self.url)
        if parts.scheme == "http":
            return self.testing.allow_http
        return self.testing.enabled or not is_loopback(parts.hostname or "")

    @property
    def data_dir(self) -> Path:
        return Path(self.data)

    @property
    def database_url(self) -> str:
        """`sqlite:///` with an absolute path, or `postgresql://…`."""
        return self.database

    @property
    def mail_sender(self) -> str:
        return self.mail_from or f"noreply@{urlsplit('//' + self.domain).hostname}"

    @property
    def received_bytes_max(self) -> int:
        """The largest file that is read from a request at all; what it may be for decides further."""
        return max(self.upload_bytes_max, self.video_bytes_max, self.resource_file_bytes_max)

    @property
    def listen_on(self) -> Listen:
        return read_listen(self.listen)

    def __repr__(self) -> str:
        """Only what is no secret: the other settings may hold passwords, and this lands in logs."""
        return f"Config(domain={self.domain!r}, url={self.url!r}, data={self.data!r})"


def load(config_path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read file and environment into a Config, or raise ConfigError.

    The file is `config_path`, else FEDSERVER_CONFIG, else `fedserver.toml` in the data directory, which may
    be missing. Without a `data` setting the data directory is the folder of a named file, else `./data`.
    Relative paths in the file start at its folder, those in the environment at the working directory.
    """
    environ = os.environ if environ is None else environ
    named = config_path or environ.get(PREFIX + "CONFIG")
    path = Path(named) if named else Path(environ.get(PREFIX + "DATA") or "data") / FILE_NAME
    path = path.absolute()
    from_file: dict[str, Any] = {}
    if path.exists():
        from_file = _read_file(path)
    elif named:
        raise ConfigError(f"The settings file {path} does not exist.")
    from_environment, notes = _read_environment(environ)
    values = _merged(_absolute(from_file, path.parent), _absolute(from_environment, Path.cwd()))
    values.setdefault("data", str(path.parent))
    given = frozenset(_names(from_file)) | frozenset(_names(from_environment))

    testing = values.get("testing", {})
    settings = _convert(values)
    if testing and not settings.testing.enabled:
        notes.append("The testing settings have no effect, because testing.enabled is not set.")
        settings = msgspec.structs.replace(settings, testing=Testing())
    return _completed(settings, given, tuple(notes), path if from_file or path.exists() else None)


def describe(values: Mapping[str, Any] | None = None) -> str:
    """Return a settings file of every setting with its sentence and default, all commented out.

    Those in `values` are set instead (top level only).
    """
    values = values or {}
    lines = [
        "# Settings of fedserver. A line without # in front sets something; all others show the default.",
        "# Each can be given in the environment instead: FEDSERVER_ and the name in capitals, with two",
        "# underscores before the name of a setting in a section (FEDSERVER_TESTING__ENABLED=1).",
        "",
    ]
    for name, sentence, default in _described(Settings):
        lines += textwrap.wrap(sentence, 98, initial_indent="# ", subsequent_indent="# ")
        lines.append(
            f"{name} = {as_toml(values[name])}" if name in values else f"#{name} = {as_toml(default)}"
        )
        lines.append("")
    lines += ["# Federation test mode, for trying servers against each other on one machine.", "#[testing]"]
    for name, sentence, default in _described(Testing):
        lines += textwrap.wrap(sentence, 98, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"#{name} = {as_toml(default)}")
    return "\n".join(lines) + "\n"


def write_initial(
    path: Path, *, domain: str, url: str | None = None, environ: Mapping[str, str] | None = None, **more: Any
) -> bool:
    """Write a first settings file, readable by its owner only, unless there is one. Says whether it did.

    `more` are further top-level settings. Raises ConfigError, and writes nothing, if they cannot be used
    together with what the environment says.
    """
    if path.exists():
        return False
    values: dict[str, Any] = {"domain": domain, **({"url": url} if url else {}), **more}
    from_environment, _ = _read_environment(os.environ if environ is None else environ)
    checked = _convert({"data": str(path.parent), **_merged(values, from_environment)})
    _completed(checked, frozenset(), (), None)
    # The database with our actors' keys will lie beside it.
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # O_EXCL: of two that start at once, one writes.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(describe(values))
    return True


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} is not TOML: {error}.") from error
    except OSError as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    known = _types(Settings)
    testing = values.get("testing", {})
    if not isinstance(testing, dict):
        raise ConfigError(f"In {path}, testing is a section: write [testing] and its settings below it.")
    for name in [*values, *(f"testing.{inner}" for inner in testing)]:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Is {close[0]} meant?" if close else ""
            raise ConfigError(f"In {path}, {name} is not a setting.{hint}")
    return values


def _read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the settings given by environment, and notes on names that are near misses of one."""
    values: dict[str, Any] = {}
    notes: list[str] = []
    types = _types(Settings)
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        name = variable.removeprefix(PREFIX).lower().replace("__", ".")
        if name not in types or name == "testing":
            if difflib.get_close_matches(name, types, n=1, cutoff=0.85):
                notes.append(f"The environment variable {variable} is not a setting and has no effect.")
            continue
        is_list = get_origin(types[name]) is tuple
        value = tuple(part.strip() for part in text.split(",") if part.strip()) if is_list else text.strip()
        section, _, inner = name.rpartition(".")
        (values.setdefault(section, {}) if section else values)[inner] = value
    return values, notes


def _types(struct: type[Struct], prefix: str = "") -> dict[str, Any]:
    """Every setting's dotted name with its bare type."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(struct).items():
        found[prefix + name] = kind
        if isinstance(kind, type) and issubclass(kind, Struct):
            found |= _types(kind, f"{prefix}{name}.")
    return found


def _names(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, value in values.items():
        names += _names(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return names


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the values of `above` over those of `below`, sections setting by setting."""
    merged = dict(below)
    for name, value in above.items():
        merged[name] = {**below.get(name, {}), **value} if isinstance(value, dict) else value
    return merged


def _absolute(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return the values with the relative paths among them completed from `base`."""
    done = dict(values)
    for name, lead in (("data", ""), ("database", "sqlite:///"), ("mail", "dir:"), ("listen", "unix:")):
        text = done.get(name)
        if isinstance(text, str) and text.startswith(lead) and text != lead:
            done[name] = lead + os.path.normpath(base / text.removeprefix(lead))
    testing = done.get("testing")
    if isinstance(testing, dict) and isinstance(testing.get("ca"), str) and testing["ca"]:
        done["testing"] = {**testing, "ca": os.path.normpath(base / testing["ca"])}
    return done


def _convert(values: Mapping[str, Any]) -> Settings:
    """Turn every value into its type; text is read as number or yes/no where one is due."""

    def each(struct: type[Struct], given: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        hints = get_type_hints(struct, include_extras=True)
        return {name: _value(hints[name], prefix + name, value) for name, value in given.items()}

    testing = Testing(**each(Testing, values.get("testing", {}), "testing."))
    others = {name: value for name, value in values.items() if name != "testing"}
    return Settings(**each(Settings, others, ""), testing=testing)


def _value(kind: Any, name: str, value: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        bare = get_args(kind)[0]
        words = get_args(bare) if get_origin(bare) is Literal else ()
        why = f"it is one of {', '.join(words)}" if words else str(error).partition(" - at")[0]
        raise ConfigError(f"{both_names(name)} cannot be used: {why}.") from error


def _completed(
    settings: Settings, given: frozenset[str], notes: tuple[str, ...], file: Path | None
) -> Config:
    """Fill in what follows from other settings, and check what types cannot say."""
    testing = settings.testing
    domain, url = domain_and_url(settings.domain, settings.url)
    parts = urlsplit(url)
    loopback = is_loopback(parts.hostname or "")
    if parts.scheme == "http" and not loopback and not testing.allow_http:
        raise ConfigError(
            f"{both_names('url')} must begin with https://; http is only for a loopback host such as localhost."
        )
    data = Path(settings.data).absolute()
    database = settings.database or f"sqlite:///{data / 'fedserver.db'}"
    database = re.sub(r"\Apostgres://", "postgresql://", database)
    check(
        database.startswith(("sqlite:///", "postgresql://")), "database", "sqlite:///PATH or postgresql://…"
    )
    bus = settings.bus
    check(
        bus in ("", "postgresql")
        or bus.startswith(("redis://", "rediss://", "valkey://", "valkeys://", "unix://")),
        "bus",
        "empty, postgresql or redis://…",
    )
    if bus and not database.startswith("postgresql://"):
        raise ConfigError(
            f"{both_names('bus')} can be set only when the database is PostgreSQL: SQLite has one process."
        )
    check(
        settings.media == ""
        or re.match(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?\Z", settings.media),
        "media",
        "empty or s3://BUCKET/PREFIX",
    )
    if settings.translation_service == "libretranslate" and not settings.translation_url:
        raise ConfigError(f"{both_names('translation_url')} must say where LibreTranslate is.")
    if settings.translation_service == "deepl" and not settings.translation_key:
        raise ConfigError(f"{both_names('translation_key')} must be given for DeepL.")
    for name in ("media_url", "s3_endpoint", "translation_url", "doi_resolver", "zenodo_url"):
        address = getattr(settings, name)
        check(not address or re.match(r"https?://[^/?#\s]+[^?#\s]*\Z", address), name, "a web address")
    check(
        settings.mail == "log:" or re.match(r"(dir:.|smtps?://[^/])", settings.mail),
        "mail",
        "smtp://…, smtps://…, dir:PATH or log:",
    )
    check(
        not settings.mail_in_address or is_address_to_extend(settings.mail_in_address),
        "mail_in_address",
        "one e-mail address whose part before the @ has at most 19 letters, digits, dots or hyphens",
    )
    check(
        not settings.mail_in or parses(read_mailbox, settings.mail_in),
        "mail_in",
        "imaps://USER:PASSWORD@HOST",
    )
    if settings.mail_in and not settings.mail_in_address:
        raise ConfigError(f"{both_names('mail_in_address')} must be given with mail_in.")
    check(settings.rate_limit_factor > 0, "rate_limit_factor", "a number greater than 0")
    check(testing.time_scale > 0, "testing.time_scale", "a number greater than 0")
    for name in ("mail_from", "contact_email"):
        address = getattr(settings, name)
        check(not address or re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address), name, "one e-mail address")
    for name, cidrs in (
        ("trusted_proxies", settings.trusted_proxies),
        ("testing.allow_nets", testing.allow_nets),
    ):
        for cidr in cidrs:
            check(parses(ip_network, cidr), name, "a list of networks such as 10.0.0.0/8")
    check(parses(zoneinfo.ZoneInfo, settings.time_zone), "time_zone", "an IANA name such as Europe/Berlin")
    check(parses(read_listen, settings.listen), "listen", "HOST:PORT or unix:PATH")
    for entry in testing.hosts:
        check(parses(static_host, entry), "testing.hosts", "a list of name[:port]=address:port")
    check(not testing.dns or parses(address_and_port, testing.dns), "testing.dns", "address:port")
    check(not testing.ca or Path(testing.ca).is_file(), "testing.ca", "an existing file")
    values = msgspec.structs.asdict(settings) | {
        "domain": domain,
        "url": url,
        "data": str(data),
        "database": database,
    }
    return Config(**values, given=given, notes=notes, file=file)


def _described(struct: type[Struct]) -> Iterator[tuple[str, str, Any]]:
    """Yield name, sentence and default of each setting that is not a section."""
    hints = get_type_hints(struct, include_extras=True)
    for known in msgspec.structs.fields(struct):
        for extra in getattr(hints[known.name], "__metadata__", ()):
            yield known.name, extra.description, known.default


def as_toml(value: Any) -> str:
    """A value as a settings file has it."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    # A JSON string without surrogate pairs is a TOML basic string; numbers and true/false agree as well.
    return json.dumps(value, ensure_ascii=False)
