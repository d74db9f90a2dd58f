"""What is written about the project is true of it: settings, commands, routes, modules, specifications, paths."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("activitypub", "storage", "fedserver", "web")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()
SPECS: list[dict[str, Any]] = generate.specs()


# What is generated


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: page.name)
def test_what_the_code_knows_is_written_as_it_is(page: Path) -> None:
    now = page.read_text()
    assert now == generate.PAGES[page](now), "run: python docs/generate.py"


def test_every_route_for_programs_has_a_sentence() -> None:
    sentences = generate.sentences((ROOT / "docs" / "client-api.md").read_text())
    assert len(sentences) > 50
    assert [route for route, sentence in sentences.items() if not sentence] == []


def test_every_module_with_routes_is_in_a_document() -> None:
    elsewhere = ("web.pages.", "web.admin.", "web.federation.")
    unknown = {route.handler.__module__ for route in generate.DOCUMENTED} - set(generate.SECTIONS)
    assert [module for module in unknown if not module.startswith(elsewhere)] == []


def test_scopes_are_those_that_handlers_ask_for() -> None:
    from web.api import empty, interactions, statuses, tags

    def asked(module: ModuleType, method: str, path: str) -> tuple[str, str]:
        return next(
            generate.asked_of(route.handler)
            for route in module.routes
            if (route.method, route.path) == (method, path)
        )

    assert asked(statuses, "POST", "/api/v1/statuses") == ("member", "write:statuses")
    assert asked(statuses, "GET", "/api/v1/statuses/{id}") == ("anybody", "read:statuses")
    assert asked(interactions, "POST", "/api/v1/statuses/{id}/pin") == ("member", "write:accounts")
    assert asked(tags, "POST", "/api/v1/tags/{id}/feature") == ("member", "write:accounts")
    assert asked(empty, "GET", "/api/proofs") == ("anybody", "")
    assert asked(empty, "GET", "/api/v1_alpha/async_refreshes/{id}") == ("member", "read")


# The client API


def test_what_mastodon_documents_is_offered_or_refused_with_a_reason(shared: Path) -> None:
    documented = json.loads((shared / "data" / "mastodon" / "endpoints.json").read_text())
    patterns = [
        (route.method, re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(generate.plain(route.path)))))
        for route in generate.DOCUMENTED
        if route.handler.__module__ != "web.api.empty"
    ]
    silent = [
        f"{one['method']} {one['path']}"
        for one in documented
        if not any(one["method"] == method and pattern.fullmatch(one["path"]) for method, pattern in patterns)
        and not _is_named_as_missing(one["method"], one["path"])
    ]
    assert silent == []


def test_what_is_answered_emptily_is_named_as_missing() -> None:
    assert [
        route.path
        for route in generate.DOCUMENTED
        if route.handler.__module__ == "web.api.empty" and not _is_named_as_missing(route.method, route.path)
    ] == []


def test_nothing_is_called_missing_that_is_there() -> None:
    offered = [
        f"{route.method} {route.path}"
        for route in generate.DOCUMENTED
        if route.handler.__module__.startswith("web.api.") and route.handler.__module__ != "web.api.empty"
        if _is_named_as_missing(route.method, route.path)
    ]
    assert offered == []


def _is_named_as_missing(method: str, path: str) -> bool:
    """Whether the page says that we do not offer this; an id is written `:id` there."""
    page = (ROOT / "docs" / "client-api.md").read_text().partition("we do not offer")[2]
    path = re.sub(r"/(:\w+|\{[^/]*\})", "/:", path)
    for names in re.findall(r"`((?:[A-Z]+ )?/[^`]+)`", page):
        only, _, named = names.rpartition(" ")
        if only and only != method:
            continue
        named = re.sub(r"/:\w+", "/:", named)
        if path.startswith(named[:-1]) if named.endswith("…") else path == named:
            return True
    return False


# The map of the code


def test_every_module_is_on_the_map_and_the_map_names_no_other() -> None:
    there = {
        f"{file.relative_to(ROOT)}"
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if file.name != "__init__.py" and "versions" not in file.parts
    }
    named = _on_the_map()
    assert len(named) == len(set(named)), "named twice"
    assert sorted(there - set(named)) == [], "give them a line in the code map of ARCHITECTURE.md"
    assert sorted(set(named) - there) == [], "the code map of ARCHITECTURE.md names what is not there"


def test_the_map_names_every_folder_of_modules() -> None:
    text = _map_text()
    for package in PACKAGES:
        for folder in (ROOT / package).iterdir():
            if (folder / "__init__.py").exists():
                assert re.search(rf"^{folder.name}/ ", text, re.MULTILINE), folder


def _map_text() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text().partition("## Code map")[2].partition("\n## ")[0]


def _on_the_map() -> list[str]:
    """The modules named in the code map: by heading the package, by the first word of a line the folder."""
    named: list[str] = []
    package = folder = ""
    for line in re.sub(r"\n```\n\n(?!###)[^#]*?(?=\n#|\Z)", "\n", _map_text()).splitlines():
        heading = re.match(r"### `(\w+)/`", line)
        if heading:
            package = heading[1]
        opening = re.match(r"(\w+(?:/\w+)*)/ ", line)
        if opening or not line.startswith(" "):
            folder = f"{opening[1]}/" if opening else ""
        named += [f"{package}/{folder}{name}" for name in re.findall(r"\b\w+\.py\b", line)]
    return named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_our_code_exist(page: Path) -> None:
    for name in re.findall(r"`((?:activitypub|storage|fedserver|web)(?:\.\w+)+)`", page.read_text()):
        if name.endswith((".py", ".toml", ".db", ".service")):
            continue
        module, *rest = _imported(name)
        for attribute in rest:
            assert hasattr(module, attribute), name
            module = getattr(module, attribute)


def _imported(name: str) -> list[Any]:
    """The longest importable part of a dotted name, then the names that are left."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if importlib.util.find_spec(parts[0]) and _is_module(parts[:length]):
            return [importlib.import_module(".".join(parts[:length])), *parts[length:]]
    raise AssertionError(f"{name} is not there")


def _is_module(parts: list[str]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    ours = r"(?:activitypub|storage|fedserver|web|tests|docs|bench)/[\w./-]+"
    for name in re.findall(rf"(?<![\w/.])({ours})", re.sub(r"<!--.*?-->|https?://\S+", "", text)):
        if name.startswith("tests/peers/node_modules"):
            continue
        assert (ROOT / name.rstrip("./")).exists() or any(ROOT.glob(name.rstrip(".") + "*")), name
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_settings_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    for words in re.findall(r"`fedserver ([a-z][a-z-]*(?: [a-z][a-z0-9-]*)?)", text):
        command: Any = generate.cli
        for word in words.split():
            if not hasattr(command, "commands"):
                break  # the rest are arguments
            assert word in command.commands, words
            command = command.commands[word]
    known = {f"FEDSERVER_{name.upper()}" for name in generate.config.Settings.__struct_fields__}
    known |= {f"FEDSERVER_TESTING__{name.upper()}" for name in generate.config.Testing.__struct_fields__}
    known |= {"FEDSERVER_CONFIG", "FEDSERVER_TEST_SHARED", "FEDSERVER_TEST_POSTGRESQL"}
    assert set(re.findall(r"\bFEDSERVER_\w*[A-Z]\b", text)) <= known


def test_dependencies_are_those_that_are_documented() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    needed = {re.split(r"[\[><=]", one)[0] for group in groups for one in group} - {"fedserver"}
    page = (ROOT / "docs" / "dependencies.md").read_text().partition("## Considered")[0]
    assert set(re.findall(r"^\| ([a-z][\w-]*) \|", page, re.MULTILINE)) - {"name"} == needed


def test_fixtures_and_environment_of_the_tests_are_those_that_are_described() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    table = page.partition("| fixture | gives |")[2].partition("\n\n")[0]
    described = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1:2][0] if "|" in row else "")
    }
    source = (ROOT / "tests" / "conftest.py").read_text()
    fixtures = set(re.findall(r"@pytest\.fixture[^@]*?\n(?:async )?def (\w+)\(", source))
    assert described == fixtures - {"quick_secrets"}
    for name in set(re.findall(r"FEDSERVER_TEST_\w+", page)):
        assert any(
            name in file.read_text() for file in (ROOT / "tests").rglob("*.py") if file.name != "test_docs.py"
        )


# Specifications


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec["id"])
def test_a_specification_names_where_it_is_obeyed_and_tested(spec: dict[str, Any]) -> None:
    assert spec["kind"] in generate.KINDS
    assert spec["state"] in generate.STATES
    assert spec["note"].endswith((".", "?"))
    if spec["state"] == "no":
        return
    assert spec["module"]
    assert spec["test"]
    for module in spec["module"]:
        assert (ROOT / module).is_file(), module
    for test in spec["test"]:
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert not name or re.search(rf"def {name}\(", (ROOT / file).read_text()), test


def test_a_specification_is_listed_once() -> None:
    ids = [spec["id"] for spec in SPECS]
    assert sorted(ids) == sorted(set(ids))


def test_every_proposal_that_the_code_names_is_listed() -> None:
    listed = {spec["id"].lower() for spec in SPECS}
    named = {
        found.lower()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for found in re.findall(r"FEP-[0-9a-f]{4}", file.read_text(), re.IGNORECASE)
    }
    assert sorted(named - listed) == []


def test_numbers_in_the_documents_are_those_of_the_code() -> None:
    from activitypub import values
    from activitypub.signatures import clock
    from activitypub.vocabulary import actor
    from fedserver import (
        accounts,
        collections,
        filters,
        interactions,
        lists,
        posts,
        relationships,
        scheduled,
        tags,
    )
    from fedserver.events import calendars
    from fedserver.federation import (
        actors,
        authenticate,
        backfill,
        documents,
        http,
        inbox_worker,
        lane,
        people,
        remote_posts,
    )
    from fedserver.federation import inbox as door
    from fedserver.groups import drafts
    from fedserver.opportunities import applying
    from fedserver.opportunities import publishing as opportunities
    from fedserver.resources import files, publishing, shelves
    from storage import deliveries, inbox, instances
    from web import limits

    day_ms, wait = 24 * 3_600_000, http.Limits()
    federation = " ".join((ROOT / "FEDERATION.md").read_text().split())
    for words in (
        f"{values.BODY_BYTES_MAX >> 20} MiB, depth {values.DEPTH_MAX}, {values.KEYS_MAX:,} keys",
        f"{wait.connect:.0f} s to connect, {wait.read:.0f} s to read, {wait.total:.0f} s in all; "
        f"{http.REDIRECTS_MAX} redirects",
        f"fetches for one activity | {inbox_worker.FETCHES_MAX} |",
        f"{backfill.ANCESTORS_MAX} posts upwards; {backfill.FETCHES_MAX} fetches, {backfill.ITEMS_MAX} items and "
        f"depth {backfill.DEPTH_MAX} in a run; one run in {backfill.THREAD_EVERY_SECONDS // 60} minutes",
        f"{backfill.LATEST_MAX} latest posts, {backfill.PINS_MAX} pinned",
        f"{remote_posts.MENTIONS_MAX}, {remote_posts.TAGS_MAX}, {remote_posts.MEDIA_MAX}, "
        f"{remote_posts.POLL_OPTIONS_MAX} |",
        f"alt text | {remote_posts.ALT_TEXT_CHARS_MAX:,} characters",
        f"fields, aliases | {actors.FIELDS_MAX}, {actors.ALIASES_MAX} |",
        f"keys of an actor | {actor.KEYS_MAX} |",
        f"{posts.CHARACTERS_MAX:,} characters, {posts.MEDIA_MAX} pictures and {posts.POLL_OPTIONS_MAX} poll options",
        f"pinned, at most {people.PINS_MAX}, and unpinned",
        f"once in {people.MOVE_EVERY_MS // day_ms} days",
        f"remembered for {inbox.TOMBSTONE_MS // 3_600_000} hours",
        f"remembered for the host for {instances.SCHEME_BELIEVED_MS // day_ms} days",
        f"lives for {clock.LIFETIME_SECONDS_DEFAULT // 60} minutes, or until `expires`, at most "
        f"{clock.LIFETIME_SECONDS_MAX // 3600} hours",
        f"most {authenticate.KEY_FETCHES_MAX} keys of one host",
        f"left alone for {authenticate.BACK_OFF_SECONDS // 60} minutes",
        f"Pages have {documents.PAGE_ITEMS} items",
        f"for {deliveries.HELD_MS // day_ms} days. 410",
        f"at most {lane.CONNECTIONS} connections",
        f"given up after {lane.TRIES_WHEN_REFUSED} tries",
        f"one server may send {door.PER_HOST_MAX:,} a minute",
    ):
        assert words in federation, words
    api = " ".join((ROOT / "docs" / "client-api.md").read_text().split())
    for words in (
        f"{limits.API_TOKEN.count} requests in {limits.API_TOKEN.seconds // 60} minutes",
        f"{limits.API_ACCOUNT.count} for a member",
        f"{limits.PAGING.count} pages in {limits.PAGING.seconds // 60} minutes",
        f"{limits.UPLOADS.count} uploads, deletions or reports in {limits.UPLOADS.seconds // 60} minutes",
        f"{relationships.FOLLOWS_A_DAY} new follows a day",
        f"follow {relationships.FOLLOWS_MAX:,} people",
        f"{lists.LISTS_MAX} lists of {lists.ACCOUNTS_MAX:,} accounts",
        f"{filters.FILTERS_MAX} filters with {filters.KEYWORDS_MAX} keywords each and {filters.KEYWORDS_OF_MEMBER_MAX:,} in all",
        f"{collections.COLLECTIONS_MAX} collections of {collections.ITEMS_MAX} accounts",
        f"{shelves.SHELVES_MAX} shelves of {shelves.ITEMS_MAX} resources",
        f"{tags.FOLLOWED_MAX} followed and {tags.FEATURED_MAX} featured hashtags",
        f"{interactions.PINS_MAX} pinned posts, {accounts.FIELDS_MAX} fields of a profile",
        f"{scheduled.TOTAL_MAX} scheduled posts, {drafts.DRAFTS_MAX} drafts of posts, {publishing.DRAFTS_MAX} of resources",
        f"{applying.DRAFTS_MAX} of applications, {opportunities.OPEN_MAX} opportunities on the board",
        f"{calendars.TOKENS_MAX} secret addresses of a calendar and {files.UNUSED_MAX} files that no resource has",
    ):
        assert words in api, words


@pytest.mark.parametrize("direction", ["understood", "sent"])
def test_every_activity_that_is_handled_or_built_is_in_the_document(direction: str) -> None:
    from activitypub.builders import activity as builders
    from fedserver.federation.inbox_worker import HANDLERS

    page = (ROOT / "FEDERATION.md").read_text()
    section = page.partition(f"## Activities that are {direction}")[2].partition("\n## ")[0]
    written = set(re.findall(r"`([A-Z]\w+)\(", section))
    if direction == "understood":
        assert written == {*HANDLERS, "Delete", "Update"}
    else:
        files = ("federation/publish.py", "federation/publish_groups.py", "groups/voting.py", "partners.py")
        source = "".join((ROOT / "fedserver" / file).read_text() for file in files)
        built = {name.partition("_")[0].capitalize() for name in re.findall(r"\bactivity\.(\w+)", source)}
        built |= {"Announce"} & set(re.findall(r"Announce|Create", Path(builders.__file__ or "").read_text()))
        # Not all builders are named like the activity they build.
        built = built - {"Ban", "Echo", "For", "Quote"} | {"Create", "QuoteRequest", "FeatureRequest"}
        assert written == built
