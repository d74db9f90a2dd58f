"""Pages from templates: the Jinja environment, its filters, and static files with their hash in the address."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import Markup, escape

from fedserver import branding
from fedserver.config import Config
from fedserver.content.html import excerpt
from fedserver.context import Server
from fedserver.page_cards import Person
from fedserver.settings import InstanceSettings
from web import keys, prose
from web.forms import csrf_token

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")
HTML: Final = "text/html; charset=utf-8"
AVATAR_COLOURS: Final = 8
_AVATAR_FILLS: Final = (
    "#0b5a7a", "#1e6b3a", "#7a4b00", "#7a2e5d", "#4a4a8a", "#8a3a2a", "#2d5f5d", "#5b4a6e",
)  # fmt: skip
FOREVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class StaticFiles:
    """The files below `folder`, under ``/static/{version}/…``.

    One version for all of them, so that style sheets and scripts may refer to each other by relative paths.
    Files are looked up among those found at the start: no path of a request reaches the file system.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._files: dict[str, tuple[Path, str]] = {}
        digest = hashlib.blake2b(digest_size=6)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                name = path.relative_to(folder).as_posix()
                kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
                self._files[name] = path, kind
                digest.update(f"{name}\0".encode() + path.read_bytes())
        self.version = digest.hexdigest()

    def url(self, name: str) -> str:
        """The address of a static file. KeyError if there is none, so a wrong name shows at once."""
        if name not in self._files:
            raise KeyError(f"there is no static file {name}")
        return f"/static/{self.version}/{quote(name)}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A static file; without our version in the address (an old page, a fixed name) it is asked for again."""
        name = request.match_info["path"]
        version, _, rest = name.partition("/")
        if version == self.version:
            name, cache = rest, FOREVER
        else:
            cache = "public, max-age=300"
            name = name if name in self._files else rest
        found = self._files.get(name)
        if found is None:
            raise web.HTTPNotFound
        path, kind = found
        return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: kind, hdrs.CACHE_CONTROL: cache})


class _Compiled(BytecodeCache):
    """Templates as they were compiled, for all servers that a process builds: to compile one takes longer than to render it."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (code := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED: Final = _Compiled()


class Pages:
    """Renders templates for requests. Every page is given `site`, `viewer`, `csrf_token` and the request's path."""

    def __init__(self, server: Server, static: StaticFiles) -> None:
        config = server.config
        self.static = static
        self._config = config
        env = self.environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=_COMPILED,
            extensions=["jinja2.ext.i18n"],
        )
        # The texts are the keys of the translations; until a locale is chosen they stand as they are.
        env.install_gettext_callables(_same, _one_or_many, newstyle=True)  # type: ignore[attr-defined]
        env.globals.update(asset=static.url, csrf_field=_csrf_field, default_avatar=default_avatar)
        env.filters.update(
            time=self._time,
            iso=iso,
            date=self._date,
            safe_html=Markup,
            excerpt=excerpt,
            number=_number,
            prose=prose.prose,
            emojis_in_text=prose.in_text,
        )

    def render(
        self,
        request: web.Request,
        template: str,
        /,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> web.Response:
        """The page from this template. A name it uses and nobody gave raises UndefinedError."""
        text = self.environment.get_template(template).render(
            site=self._site(request),
            viewer=request[keys.VIEWER],
            csrf_token=csrf_token(request),
            path=request.path,
            request_id=request[keys.REQUEST_ID],
            **context,
        )
        return web.Response(
            body=text.encode(), status=status, headers={**(headers or {}), hdrs.CONTENT_TYPE: HTML}
        )

    def _site(self, request: web.Request) -> dict[str, Any]:
        """What every page may say about this server."""
        config = self._config
        # A request that failed before it got so far is told what the settings file says.
        now: InstanceSettings | Config = request.get(keys.SETTINGS) or config
        return {
            "name": now.title,
            "description": now.description,
            "domain": config.domain,
            "origin": config.origin,
            "language": now.language,
            "contact_email": now.contact_email,
            "registrations": now.registrations,
            "federates": config.federates and now.federation_mode != "closed",
            "has_directory": now.profile_directory,
            "time_zone": now.time_zone,
            "colours": branding.version(now) if isinstance(now, InstanceSettings) else "",
            "logo": now.logo if isinstance(now, InstanceSettings) else None,
            "test_mode": config.testing.enabled,
        }

    @staticmethod
    @pass_context
    def _time(context: Context, at_ms: int | None, form: str = "%-d %B %Y, %H:%M") -> Markup:
        """A moment, in the community's zone to read and exact for programs; nothing where there is none."""
        if at_ms is None:
            return Markup()
        exact = datetime.fromtimestamp(at_ms / 1000, UTC)
        shown = exact.astimezone(ZoneInfo(context["site"]["time_zone"]))
        title = f"{shown.strftime('%-d %B %Y, %H:%M')} {shown.tzname()}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            iso(at_ms), title, shown.strftime(form)
        )

    @staticmethod
    @pass_context
    def _date(context: Context, at_ms: int | None) -> Markup:
        return Pages._time(context, at_ms, "%-d %B %Y")


def render(
    request: web.Request,
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> web.Response:
    """The page from this template for this request (see `Pages.render`)."""
    return request.app[keys.PAGES].render(request, template, status=status, headers=headers, **context)


@pass_context
def _csrf_field(context: Context) -> Markup:
    """The hidden field every form of a signed-in visitor carries: ``{{ csrf_field() }}``."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(context["csrf_token"])


def iso(at_ms: int) -> str:
    """A moment as programs read it (RFC 3339)."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def default_avatar(person: Person) -> str:
    """The address of a picture with somebody's initials, for those who have none."""
    return f"/avatars/{person.id % AVATAR_COLOURS}/{quote(person.initials[:2], safe='')}.svg"


def initials_picture(colour: int, initials: str) -> str:
    """Such a picture, as SVG. The colours are dark enough for white letters (at least 6:1)."""
    fill = _AVATAR_FILLS[colour % AVATAR_COLOURS]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">'
        f'<rect width="96" height="96" fill="{fill}"/>'
        '<text x="48" y="50" fill="#fff" font-family="system-ui, sans-serif" font-size="40" font-weight="600" '
        f'text-anchor="middle" dominant-baseline="central">{escape(initials[:2])}</text></svg>'
    )


def _number(value: int) -> str:
    """With thin spaces between the thousands, as science writes numbers."""
    return f"{value:,}".replace(",", "\u202f")


def _same(text: str) -> str:
    return text


def _one_or_many(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
