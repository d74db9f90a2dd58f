"""``fedserver init``, ``user`` and ``token`` from the shell's side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fedserver.cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_secrets: None) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=stdin, catch_exceptions=False)

    return invoke


@pytest.fixture
def ready(run: Run) -> Run:
    assert run("init", "--domain", "a.example").exit_code == 0
    return run


def output(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_init_makes_what_is_missing_and_may_be_repeated(run: Run, tmp_path: Path) -> None:
    arguments = ("init", "--domain", "a.example", "--admin", "ada", "--email", "ada@mail.example", "--json")
    first, second = output(run(*arguments)), output(run(*arguments))
    assert first["admin"] == second["admin"] == "ada"
    assert first["url"] == "https://a.example"
    assert first["login_link"].startswith("https://a.example/login/once/")
    assert first["login_link"] != second["login_link"]
    settings = tmp_path / "data" / "fedserver.toml"
    assert settings.stat().st_mode & 0o077 == 0
    assert [one["role"] for one in output(run("user", "list", "--json"))["users"]] == ["owner"]


def test_init_does_not_change_the_domain(ready: Run) -> None:
    result = ready("init", "--domain", "b.example")
    assert result.exit_code == 1
    assert "a.example" in result.stderr


def test_a_member_made_here_can_sign_in_and_gets_tokens(ready: Run) -> None:
    made = output(
        ready(
            "user",
            "create",
            "Nora",
            "--email",
            "n@mail.example",
            "--password-stdin",
            "--json",
            stdin="seven quiet otters\n",
        )
    )
    assert (made["username"], made["role"], made["state"], made["login_link"]) == (
        "nora",
        "member",
        "active",
        None,
    )
    token = output(ready("token", "create", "nora", "--json"))
    assert (token["scope"], token["account_id"]) == ("read write follow push", made["id"])
    plain = ready("token", "create", "nora", "--scopes", "read")
    assert len(plain.stdout.strip()) >= 43
    assert ready("token", "create", "nora", "--scopes", "everything").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("user", "create", "nora", "--email", "none"), ("user", "create", "a b", "--email", "a@b.example"),
     ("user", "role", "nobody", "admin"), ("token", "create", "nobody")],
)  # fmt: skip
def test_what_fails_says_why_in_one_line(ready: Run, arguments: tuple[str, ...]) -> None:
    result = ready(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1


def test_roles_and_suspension(ready: Run) -> None:
    ready("user", "create", "ada", "--email", "ada@mail.example", "--role", "owner")
    assert ready("user", "role", "ada", "member").exit_code == 1
    assert ready("user", "suspend", "ada").exit_code == 1
    ready("user", "create", "nora", "--email", "n@mail.example")
    assert output(ready("user", "role", "nora", "owner", "--json"))["role"] == "owner"
    assert output(ready("user", "suspend", "ada", "--json"))["state"] == "suspended"
    assert output(ready("user", "suspend", "ada", "--undo", "--json"))["state"] == "active"
    none = ready("user", "remove-second-factor", "nora")
    assert (none.exit_code, "no second factor" in none.stderr) == (1, True)
    link = output(ready("user", "reset-password", "nora", "--json"))["reset_link"]
    assert link.startswith("https://a.example/password/")


def test_a_wrong_call_is_a_usage_error(run: Run) -> None:
    assert run("init", "--admin", "ada").exit_code == 2
    assert run("user", "create", "nora").exit_code == 2


def test_a_member_may_be_granted_the_right_to_make_groups(ready: Run) -> None:
    output(ready("user", "create", "alice", "--email", "alice@mail.example", "--json"))
    assert output(ready("user", "allow", "alice", "create-groups", "--json"))["may_create_groups"] is True
    assert (
        output(ready("user", "allow", "alice", "create-groups", "--undo", "--json"))["may_create_groups"]
        is False
    )
