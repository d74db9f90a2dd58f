"""``fedserver import …`` fills a library in one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, make_url

from fedserver.cli.main import cli
from tests.resources.importing.samples import everything, lesson, write_library

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, quick_secrets: None) -> Run:
    settings = {"DATA": str(tmp_path / "data"), "DATABASE": database_url, "DOMAIN": "a.example"}
    for name, value in settings.items():
        monkeypatch.setenv(f"FEDSERVER_{name}", value)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)

    assert invoke("user", "create", "lib", "--email", "lib@mail.example").exit_code == 0
    return invoke


def counts(result: Result) -> dict[str, int]:
    """What became of how many, without those of which there are none."""
    assert result.exit_code == 0, result.output
    return {name: number for name, number in json.loads(result.stdout)["counts"].items() if number}


def snapshot(database_url: str) -> dict[str, Any]:
    url = make_url(database_url)
    engine = create_engine(
        url.set(drivername="sqlite" if url.drivername.startswith("sqlite") else "postgresql+psycopg")
    )
    with engine.connect() as conn:
        found = everything(conn)
    engine.dispose()
    return found


def test_a_library_is_filled_and_filled_again(run: Run, tmp_path: Path, database_url: str) -> None:
    folder = write_library(tmp_path / "ols")
    arguments = ("import", "ols", str(folder), "--as", "lib", "--json")
    assert counts(run(*arguments, "--dry-run")) == {"added": 3, "left_out": 3}
    assert counts(run(*arguments)) == {"added": 3, "left_out": 3}
    before = snapshot(database_url)
    assert counts(run(*arguments)) == {"unchanged": 3, "left_out": 3}
    assert snapshot(database_url) == before
    words = run("import", "ols", str(folder), "--as", "lib")
    assert "3 unchanged, 3 left out" in words.stdout
    assert "a second time" in words.stderr


def test_files_and_pages_with_json_ld_come_in_with_their_receipt(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "broken.json").write_text('{"@type": "Course", "name": "Broken"\n"description": "No comma",}')
    page = f"<html><head><script type='application/ld+json'>{lesson()}</script></head></html>"
    (folder / "page.html").write_text(page)
    (folder / "event.jsonld").write_text('{"@type": "CourseInstance", "name": "In May"}')
    (folder / "nothing.json").write_text("nothing at all")
    (folder / "other.txt").write_text("not looked at")
    done = json.loads(run("import", "bioschemas", str(folder), "--as", "lib", "--json").stdout)
    assert (done["counts"]["added"], done["counts"]["left_out"]) == (2, 2)
    by_title = {one["title"]: one for one in done["resources"]}
    assert [(one["line"], one["column"]) for one in by_title["Broken"]["receipt"]["repaired"]] == [
        (1, 37),
        (2, 27),
    ]
    assert {one["field"] for one in done["left_out"]} == {"In May", "nothing.json"}
    words = run("import", "bioschemas", str(folder / "broken.json"), "--as", "lib")
    assert "1 unchanged" in words.stdout or "1 there already" in words.stdout
    assert "(line 1, column 37)" in words.stderr


def test_what_cannot_be_done_is_said(run: Run, tmp_path: Path) -> None:
    for arguments, said in (
        (("import", "ols", str(tmp_path), "--as", "lib"), "library.yaml"),
        (("import", "ols", str(write_library(tmp_path / "ols")), "--as", "nobody"), "nobody"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert said in result.stderr
    assert run("import", "ols", str(tmp_path / "missing"), "--as", "lib").exit_code == 2


def test_the_shared_library_comes_in_as_its_files_count(run: Run, shared: Path, database_url: str) -> None:
    folder = shared / "data" / "domain"
    tree = yaml.safe_load((folder / "ols" / "library.yaml").read_text())
    talks = [talk for subtags in tree.values() for inner in subtags.values() for talk in inner["talks"]]
    distinct = {
        (
            one["title"].strip().lower(),
            "2024-09-25" if one["date"] == "September 25, 2024" else one["date"],
            one["cohort"],
            tuple(filter(None, one["speakers"])),
        )
        for one in talks
    }
    arguments = ("import", "ols", str(folder / "ols"), "--as", "lib", "--json")
    left_out = len(talks) - len(distinct)
    assert counts(run(*arguments)) == {"added": len(distinct), "left_out": left_out}
    before = snapshot(database_url)
    assert before["resource"] == len(distinct)
    assert counts(run(*arguments)) == {"unchanged": len(distinct), "left_out": left_out}
    assert snapshot(database_url) == before


def test_shared_json_ld_comes_in_but_for_the_calendar(run: Run, shared: Path, database_url: str) -> None:
    folder = shared / "data" / "domain"
    events = json.loads((folder / "tess" / "nbis-course-instances.json").read_text())
    examples = folder / "bioschemas" / "examples"
    # Course, Event and an instance once each; one TrainingMaterial in two versions of its profile.
    kinds = [file.name.partition("_")[0] for file in examples.glob("*.json")]
    added = len(set(kinds) & {"Course", "TrainingMaterial"})
    arguments = ("import", "bioschemas", str(examples), str(folder / "tess"), "--as", "lib", "--json")
    expected = {
        "twice": kinds.count("TrainingMaterial") - 1,
        "left_out": len(events) + kinds.count("Event") + kinds.count("CourseInstance"),
    }
    assert counts(run(*arguments)) == {"added": added, **expected}
    before = snapshot(database_url)
    assert counts(run(*arguments)) == {"unchanged": added, **expected}
    assert snapshot(database_url) == before


def test_records_entries_and_rows_come_in_once(run: Run, tmp_path: Path, database_url: str) -> None:
    (tmp_path / "list.bib").write_text(
        "@misc{a, title={From BibTeX}, author={Doe, Ada}}\n@misc{b, year=2020}"
    )
    (tmp_path / "list.csv").write_text("title,author,link\nFrom a table,Ada,https://lessons.example/1\n")
    (tmp_path / "record.json").write_text(
        '{"id": 7, "doi": "10.5281/zenodo.7", "metadata": {"title": "From Zenodo"}}'
    )
    wanted = {"bibtex": {"added": 1, "left_out": 1}, "csv": {"added": 1}, "zenodo": {"added": 1}}
    names = {"bibtex": "list.bib", "csv": "list.csv", "zenodo": "record.json"}
    for source, name in names.items():
        found = counts(run("import", source, str(tmp_path / name), "--as", "lib", "--json"))
        assert found == wanted[source]
    before = snapshot(database_url)
    for source, name in names.items():
        again = counts(run("import", source, str(tmp_path / name), "--as", "lib", "--json"))
        assert "added" not in again
    assert snapshot(database_url) == before


def test_shared_records_come_in_as_their_files_count(run: Run, shared: Path, database_url: str) -> None:
    folder = shared / "data" / "domain" / "zenodo"
    works = {one["conceptdoi"] for path in folder.glob("*.json") for one in json.loads(path.read_text())}
    arguments = ("import", "zenodo", str(folder), "--as", "lib", "--json")
    assert counts(run(*arguments)) == {"added": len(works)}
    before = snapshot(database_url)
    assert before["resource"] == len(works) >= 50
    assert counts(run(*arguments)) == {"unchanged": len(works)}
    assert snapshot(database_url) == before
