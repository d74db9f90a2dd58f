"""A copy of the whole database as it stands at one moment, made while others write, and read back into an empty one.

* SQLite: its online backup, in one step, so that the copy is of one moment; writers go on meanwhile.
* PostgreSQL: `pg_dump` in its custom format, of a snapshot that is held open while something else is asked about it.

All of it blocks; call it in a thread, or in a process of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal, TypeVar

from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.pool import NullPool

from storage.migrate import revision_of

T = TypeVar("T")
Kind = Literal["sqlite", "postgresql"]

WHERE_DEBIAN_KEEPS_PROGRAMS: Final = Path("/usr/lib/postgresql")
SENTENCE_CHARACTERS_MAX: Final = 400


class DumpError(Exception):
    """A database could not be copied or read back; the text is a sentence for the operator."""


def kind_of(url: str) -> Kind:
    """Which kind of database an URL is of."""
    return "postgresql" if make_url(url).get_backend_name() == "postgresql" else "sqlite"


def save(url: str, path: Path, unit: Callable[[Connection], T]) -> T:
    """Write the database at `url` into the new file `path`; what `unit` finds in that very state of it.

    Raises DumpError.
    """
    if kind_of(url) == "postgresql":
        return _save_postgresql(make_url(url), path, unit)
    return _save_sqlite(make_url(url), path, unit)


def check(path: Path, kind: Kind) -> None:
    """Raise DumpError for a file that is no whole copy of a database."""
    if kind == "postgresql":
        _run([_program("pg_restore"), "--list", str(path)])
        return
    try:
        with closing(sqlite3.connect(path)) as conn:
            found = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise DumpError(f"The copy of the database cannot be read: {error}.") from error
    if found != "ok":
        raise DumpError(f"The copy of the database is damaged: {found}.")


def load(path: Path, url: str) -> None:
    """Fill the empty database at `url` from a file that `save` has written. Raises DumpError."""
    check_empty(url)
    parsed = make_url(url)
    if kind_of(url) == "postgresql":
        # In one transaction: a database is filled, or as empty as before.
        arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        _run([_program("pg_restore"), *arguments, "--dbname", _bare(parsed), str(path)], parsed)
        return
    target = _file_of(parsed)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(path, part)
        part.chmod(0o600)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def check_empty(url: str) -> None:
    """Raise DumpError if there is a database in this place already."""
    parsed = make_url(url)
    if kind_of(url) == "sqlite":
        if _file_of(parsed).exists():
            raise DumpError(f"There is a database at {_file_of(parsed)} already; nothing was overwritten.")
        return
    try:
        with _engine(parsed) as engine, engine.connect() as conn:
            tables = inspect(conn).get_table_names()
    except Exception as error:  # drivers raise what they like
        raise DumpError(f"The database cannot be reached: {_sentence(str(error))}") from error
    if tables:
        raise DumpError(
            f"The database {parsed.database} is not empty; nothing was overwritten. Make a new one: createdb."
        )


def _save_sqlite(url: URL, path: Path, unit: Callable[[Connection], T]) -> T:
    source = _file_of(url)
    try:
        live = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
        with closing(live), closing(sqlite3.connect(path)) as copy:
            # All pages at once: page by page, it would begin anew whenever somebody writes.
            live.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without another beside it
    except sqlite3.Error as error:
        raise DumpError(f"The database could not be copied: {error}.") from error
    check(path, "sqlite")
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    try:
        with engine.connect() as conn:
            return unit(conn)
    finally:
        engine.dispose()


def _save_postgresql(url: URL, path: Path, unit: Callable[[Connection], T]) -> T:
    with _engine(url, isolation_level="REPEATABLE READ") as engine, engine.begin() as conn:
        snapshot = conn.scalar(text("SELECT pg_export_snapshot()"))
        major = int(conn.scalar(text("SHOW server_version_num")) or 0) // 10_000
        found = unit(conn)
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        dump = _program("pg_dump", major)
        _run([dump, *arguments, f"--file={path}", "--dbname", _bare(url)], url)
    check(path, "postgresql")
    return found


@contextmanager
def _engine(url: URL, **options: str) -> Iterator[Engine]:
    engine = create_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool, **options)
    try:
        yield engine
    finally:
        engine.dispose()


def revision(conn: Connection) -> str:
    """The revision of the schema; a unit for `save`."""
    return revision_of(conn) or ""


def _file_of(url: URL) -> Path:
    if not url.database:
        raise DumpError("A database in memory cannot be kept.")
    return Path(url.database).absolute()


def _bare(url: URL) -> str:
    """The address without the password, which everybody on the machine could read among the running programs."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _program(name: str, major: int = 0) -> str:
    """The newest such program of PostgreSQL here that can deal with a server of this version. Raises DumpError."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep)]
    folders += [str(one / "bin") for one in WHERE_DEBIAN_KEEPS_PROGRAMS.glob("[0-9]*")]
    versions: dict[str, int] = {}
    for folder in folders:
        path = shutil.which(name, path=folder)
        if path is not None and path not in versions:
            number = re.search(r"\) (\d+)", _said([path, "--version"]).stdout)
            versions[path] = int(number[1]) if number else 0
    fitting = [path for path, version in versions.items() if version >= major]
    if not fitting:
        what = f"{name} of PostgreSQL {major} or newer" if major else name
        found = f" (only {max(versions.values())} is)" if versions else ""
        raise DumpError(f"{what} is not installed here{found}: apt-get install postgresql-client.")
    # The one of the server's own version, if it is there: what a newer one writes, only a newer one reads.
    return min(fitting, key=lambda path: versions[path]) if major else max(fitting, key=versions.__getitem__)


def _run(command: list[str], url: URL | None = None) -> None:
    environment = dict(os.environ)
    if url is not None and url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
    done = _said(command, environment)
    if done.returncode:
        raise DumpError(f"{Path(command[0]).name} has failed: {_sentence(done.stderr)}")


def _said(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _sentence(said: str) -> str:
    return " ".join(said.split())[:SENTENCE_CHARACTERS_MAX] or "it did not say why"
