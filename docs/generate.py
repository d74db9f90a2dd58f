"""Write the parts of the documentation that the code already knows: `python docs/generate.py`.

Settings, commands, the table of routes and the table of specifications. The tests compare what is written with
what this would write, so none of them can fall behind. The sentence of a route is written by hand, in the table
itself, and kept for as long as the route exists.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import click
import msgspec
from aiohttp import web

from fedserver import config
from fedserver.cli.main import cli
from web.app import ROUTES

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = Path(__file__).parent
SPECS: Final = ROOT / "activitypub" / "specs.toml"
WIDTH: Final = 100

SECTIONS: Final[Mapping[str, str]] = {
    "web.api.oauth": "Apps and tokens",
    "web.api.accounts": "Accounts",
    "web.api.relations": "Relations to other people",
    "web.api.statuses": "Statuses",
    "web.api.interactions": "What one does with a status",
    "web.api.quotes": "Quotes",
    "web.api.scheduled": "Statuses to be published later",
    "web.api.translations": "Translation",
    "web.api.timelines": "Timelines",
    "web.api.groups.catalogue": "Groups",
    "web.api.groups.members": "Who is in a group",
    "web.api.groups.threads": "Threads of groups",
    "web.api.groups.moderation": "Keeping order in a group",
    "web.api.groups.reading": "Unread, subscriptions, drafts",
    "web.api.groups.archives": "What a group takes over and takes along",
    "web.api.resources.catalogue": "Finding resources",
    "web.api.resources.vocabularies": "Vocabularies",
    "web.api.events.announcing": "Events",
    "web.api.events.answering": "Who goes to an event",
    "web.api.events.afterwards": "After an event",
    "web.api.events.calendar": "The calendar",
    "web.api.events.reminders": "Reminders of events",
    "web.api.events.importing": "Events from elsewhere",
    "web.api.opportunities.board": "Opportunities",
    "web.api.opportunities.applying": "Applying to opportunities",
    "web.api.opportunities.reviewing": "Reviewing applications, and deciding",
    "web.api.resources.publishing": "Resources of the library",
    "web.api.resources.drafts": "Drafts of resources",
    "web.api.resources.files": "Files of resources",
    "web.api.resources.links": "Links of resources",
    "web.api.resources.adaptations": "What is made from resources",
    "web.api.resources.importing": "Bringing resources in",
    "web.api.resources.reports": "Who used a resource, and reviews",
    "web.api.resources.shelves": "Shelves",
    "web.api.resources.citing": "Resources as catalogues see them",
    "web.api.partners": "Partner networks",
    "web.api.lists": "Lists",
    "web.api.tags": "Hashtags",
    "web.api.filters": "Filters",
    "web.api.domain_blocks": "Servers kept out",
    "web.api.previews": "Linked pages",
    "web.api.trends": "Trends",
    "web.api.streaming": "Streaming",
    "web.api.notifications": "Notifications and markers",
    "web.api.notification_groups": "Notifications in groups",
    "web.api.notification_requests": "Notifications held back",
    "web.api.conversations": "Conversations",
    "web.api.announcements": "Announcements",
    "web.api.emails": "Addresses to be confirmed",
    "web.api.media": "Media",
    "web.api.search": "Search",
    "web.api.directory": "Directory",
    "web.api.suggestions": "Suggestions",
    "web.api.collections": "Collections",
    "web.api.email_subscriptions": "Posts by e-mail",
    "web.api.instance": "The server",
    "web.api.push": "Web push",
    "web.api.reports": "Reports",
    "web.api.admin.accounts": "Looking after accounts",
    "web.api.admin.joins": "Requests to join and invitations",
    "web.api.admin.reports": "Working on reports",
    "web.api.admin.cases": "Working on cases",
    "web.api.admin.held": "Held posts, and trust",
    "web.api.admin.appeals": "Looking at appeals",
    "web.api.admin.domains": "Rules for other servers",
    "web.api.admin.domain_lists": "Lists of servers that are followed",
    "web.api.admin.servers": "What is known of another server",
    "web.api.admin.addresses": "Rules for mail addresses",
    "web.api.admin.networks": "Rules for network addresses",
    "web.api.admin.tags": "Reviewing hashtags and trends",
    "web.api.admin.figures": "Numbers of the dashboard",
    "web.api.empty": "Answered, but empty",
    "web.catalogues.documents": "A resource for catalogues and reference managers",
    "web.catalogues.oai_pmh": "Harvesting",
    "web.catalogues.queries": "Any query of the library, for other sites",
    "web.pages.events.feeds": "Events for calendar programs, feed readers and catalogues",
    "web.catalogues.whole": "The whole library, for programs",
    "web.federation.wellknown": "Finding the server",
    "web.observe": "Watching over the server",
}
"""The modules whose routes are for programs other than servers, in the order of the page."""

_PATHS: Final = frozenset((route.method, route.path) for route in ROUTES)
DOCUMENTED: Final = [
    route
    for route in ROUTES
    if (route.method, route.path.rstrip("/")) not in _PATHS - {(route.method, route.path)}
]
"""Every route, but not those that differ from another by a slash at the end."""

KINDS: Final = ("standard", "fep", "convention")
HEADINGS: Final = {
    "standard": "Standards",
    "fep": "Fediverse Enhancement Proposals",
    "convention": "Conventions without a specification",
}
STATES: Final = ("yes", "partial", "no")


# --- settings -------------------------------------------------------------------------------


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        *_wrapped(
            "They are read from `fedserver.toml` in the data directory, from the file named by `--config` or by "
            "`FEDSERVER_CONFIG`, and from the environment, which wins. `fedserver config describe` prints this "
            "list as a file with comments."
        ),
        "",
        *_wrapped(
            "What file or environment set cannot be changed in the running server. The others of "
            "`registrations`, `federation_mode`, `secure_mode`, `title`, `description`, `contact_email`, "
            "`language` and `time_zone` are only where a new server begins."
        ),
        "",
        *_wrapped(
            'A list is written `["a", "b"]` in the file and `a,b` in the environment. A relative path starts at '
            "the folder of the file, or at the working directory when it comes from the environment."
        ),
        "",
        *_settings(config.Settings, "", "FEDSERVER_"),
        "## Federation test mode",
        "",
        *_wrapped(
            "For trying servers against each other on one machine, never for people. These stand in the section "
            "`[testing]` of the file, and none of them has an effect unless `enabled` is set."
        ),
        "",
        *_settings(config.Testing, "testing.", "FEDSERVER_TESTING__"),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _settings(struct: type[msgspec.Struct], prefix: str, variable: str) -> Iterator[str]:
    hints = get_type_hints(struct, include_extras=True)
    for one in msgspec.structs.fields(struct):
        sentences = [extra.description for extra in getattr(hints[one.name], "__metadata__", ())]
        if not sentences:
            continue
        yield f"### `{prefix}{one.name}`"
        yield ""
        yield from _wrapped(sentences[0])
        yield ""
        yield f"{_kind(get_args(hints[one.name])[0])}; default {_default(one.default)}; `{variable}{one.name.upper()}`"
        yield ""


def _kind(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "One of " + ", ".join(f"`{word}`" for word in get_args(kind) if word)
    if get_origin(kind) is tuple:
        return "List of texts"
    return {str: "Text", bool: "`true` or `false`", int: "Whole number", float: "Number"}[kind]


def _default(value: Any) -> str:
    if value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`" + ", ".join(value) + "`"
    return f"`{value}`"


# --- commands -------------------------------------------------------------------------------


def commands_page() -> str:
    """docs/commands.md."""
    lines = [
        "# Commands",
        "",
        *_wrapped(
            "`fedserver` is installed with the package; `python -m fedserver` is the same. Every command knows "
            "`--help`. With `--json` a command prints one JSON object on standard output and nothing else. The "
            "exit status is 0, 1 for a failure (with one line on standard error that says why) or 2 for wrong usage."
        ),
        "",
        *_command(cli, ["fedserver"]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _command(command: click.Command, names: list[str]) -> Iterator[str]:
    context = click.Context(command, info_name=names[-1])
    pieces = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield f"{'#' * min(2 + (len(names) > 2), 3)} `{' '.join(names)}{' ' + pieces if pieces else ''}`"
    yield ""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield from _wrapped(" ".join(paragraph.split()))
        yield ""
    options = [one for one in command.get_params(context) if isinstance(one, click.Option) and not one.hidden]
    shown = [row for one in options if "--help" not in one.opts and (row := one.get_help_record(context))]
    if shown:
        yield from ("| option | |", "|---|---|")
        yield from (f"| `{_cell(usage)}` | {_cell(text)} |" for usage, text in shown)
        yield ""
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            one = command.commands[name]
            if not one.hidden:
                yield from _command(one, [*names, name])


# --- the client API -------------------------------------------------------------------------


def client_api_page(now: str) -> str:
    """docs/client-api.md with its tables written anew; sentences and the rest of the page are those of `now`."""
    return _between(now, "routes", "\n".join(_route_tables(sentences(now))).strip())


def sentences(page: str) -> dict[str, str]:
    """The sentence of each route in the tables of the page, by its first cell."""
    rows = re.findall(r"^\| (`[A-Z][^|]*`) \|[^|]*\|[^|]*\| (.*?) ?\|$", page, re.MULTILINE)
    return dict(rows)


def _route_tables(known: Mapping[str, str]) -> Iterator[str]:
    for module, title in SECTIONS.items():
        rows = list(_rows([route for route in DOCUMENTED if route.handler.__module__ == module], known))
        if rows:
            yield from (f"### {title}", "", "| route | who | scope | |", "|---|---|---|---|", *rows, "")


def _rows(routes: Iterable[web.RouteDef], known: Mapping[str, str]) -> Iterator[str]:
    merged: dict[tuple[str, str], list[web.RouteDef]] = {}
    for route in routes:
        merged.setdefault(
            (plain(route.path), route.handler.__qualname__ + str(id(route.handler))), []
        ).append(route)
    for (path, _), several in merged.items():
        first = f"`{', '.join(one.method for one in several)} {path}`"
        who, scope = asked_of(several[0].handler)
        sentence = _emptiness(several[0].handler) or known.get(first) or _docstring(several[0].handler)
        yield f"| {first} | {who} | {f'`{scope}`' if scope else ''} | {sentence} |"


def plain(path: str) -> str:
    """The pattern of a route without the expressions in its variables."""
    return re.sub(r"\{(\w+):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", r"{\1}", path)


def asked_of(handler: Any) -> tuple[str, str]:
    """Who may call a handler ("anybody", "member", "staff", "moderator", "admin") and the scope a token needs ("" for none)."""
    handler = inspect.unwrap(handler)
    given = inspect.getclosurevars(handler).nonlocals
    named = [
        (who, scope or (given.get("scope") if "scope" in words else None) or "")
        for source in _sources(handler)
        for who, words, scope in re.findall(
            r"auth\.(member|viewer|staff|moderator|admin)\(request((?:, (?:scope|\"([^\"]+)\"))?)\)", source
        )
    ]
    if "member" in given:  # of two calls in the source, one is made
        named = [one for one in named if (one[0] == "member") == given["member"]]
    if not named:
        return "anybody", ""
    who, scope = named[0]
    return ("anybody" if who == "viewer" else who), scope


def _sources(handler: Any, depth: int = 2) -> Iterator[str]:
    """The source of a handler, then of the functions of its module that it calls."""
    yield inspect.getsource(handler)
    if depth:
        for function in inspect.getclosurevars(handler).globals.values():
            if inspect.isfunction(function) and function.__module__ == handler.__module__:
                yield from _sources(function, depth - 1)


def _emptiness(handler: Any) -> str:
    """What a handler of `web.api.empty` answers; "" for others."""
    handler = inspect.unwrap(handler)
    if handler.__module__ != "web.api.empty":
        return ""
    given = inspect.getclosurevars(handler).nonlocals
    if given.get("single") or handler.__qualname__.startswith("_no_such"):
        return "404: there are none."
    body = given.get("body", b"[]")
    if isinstance(body, bytes) and len(body) <= WIDTH:
        return f"`{body.decode()}`"
    return "That nothing is held back or filtered."


def _docstring(handler: Any) -> str:
    text = inspect.getdoc(handler) or ""
    found = re.match(r"``[A-Z][^`]*``:?\s*(.*)", text.split("\n\n")[0], re.DOTALL)
    sentence = " ".join((found[1] if found else text.split("\n\n")[0]).split())
    return sentence[:1].upper() + sentence[1:]


# --- specifications -------------------------------------------------------------------------


def specs() -> list[dict[str, Any]]:
    """What activitypub/specs.toml says, in its order."""
    return list(tomllib.loads(SPECS.read_text())["spec"])


def federation_page(now: str) -> str:
    """FEDERATION.md with its table of specifications written anew; the rest of the page is that of `now`."""
    return _between(now, "specs", "\n".join(_spec_tables()).strip())


def _spec_tables() -> Iterator[str]:
    known = specs()
    for kind in KINDS:
        yield from (f"### {HEADINGS[kind]}", "", "| specification | state | |", "|---|---|---|")
        for one in known:
            if one["kind"] == kind:
                title = _cell(one["title"])
                name = one["id"] if kind != "convention" else ""
                shown = f"[{name}: {title}]({one['url']})" if name else f"[{title}]({one['url']})"
                yield f"| {shown} | {one['state']} | {_cell(one['note'])} |"
        yield ""


# --- pages ----------------------------------------------------------------------------------


PAGES: Final[Mapping[Path, Callable[[str], str]]] = {
    DOCS / "settings.md": lambda now: settings_page(),
    DOCS / "commands.md": lambda now: commands_page(),
    DOCS / "client-api.md": client_api_page,
    ROOT / "FEDERATION.md": federation_page,
}


def _between(page: str, name: str, text: str) -> str:
    """The page with what stands between `<!-- name -->` and `<!-- end of name -->` replaced."""
    begin, end = f"<!-- {name}: written by docs/generate.py -->", f"<!-- end of {name} -->"
    before, marked, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not marked or not ended:
        raise ValueError(f"the page has no place for its {name}: {begin} … {end}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    """Write every page."""
    for path, page in PAGES.items():
        now = path.read_text() if path.exists() else ""
        path.write_text(page(now))
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
