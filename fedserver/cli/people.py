"""``fedserver init``, ``fedserver user …`` and ``fedserver token …``: they work beside a running server.

They open the database alone, not the whole server, so they start at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy import Connection

from activitypub.identifiers import Uris
from fedserver import config as settings
from fedserver import mail_links, oauth, second_factors, sessions, signup
from fedserver.assembly import OutdatedSchema
from fedserver.cli.common import config_option, json_option, load_config, print_json, run
from fedserver.config import Config, ConfigError
from fedserver.config_values import PREFIX
from fedserver.errors import NotFound
from fedserver.federation.publish import Publisher
from fedserver.keys import Keys
from fedserver.moderation import actions, audit, roles
from fedserver.viewer import MODERATING, ROLES
from storage import accounts, migrate, users
from storage.database import Database, open_database
from storage.users import UserRow

DEFAULT_SCOPES: Final = "read write follow push"


@dataclass(frozen=True)
class Open:
    """What these commands work with."""

    config: Config
    db: Database
    uris: Uris
    keys: Keys

    @property
    def publish(self) -> Publisher:
        """Plans what other servers must hear; a running server sends it."""
        return Publisher(self.uris, self.keys, self.config)


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Open]:
    """The database and what goes with it. Brings SQLite up to date, as serving does; OutdatedSchema otherwise."""
    if not migrate.is_current(config.database_url):
        if not config.database_url.startswith("sqlite:"):
            raise OutdatedSchema("The database is not at the version of this program: run fedserver migrate.")
        await asyncio.to_thread(migrate.upgrade, config.database_url)
    db = await open_database(config.database_url)
    try:
        yield Open(config, db, Uris(config.origin), Keys())
    finally:
        await db.close()


# --- init -----------------------------------------------------------------------------------


@click.command()
@config_option
@click.option("--domain", help="The domain in handles: @name@DOMAIN. It cannot be changed later.")
@click.option("--url", help="Public origin of every id and page; default https://DOMAIN.")
@click.option("--admin", metavar="NAME", help="User name of the first admin.")
@click.option("--email", metavar="E", help="E-mail address of the first admin.")
@json_option
def init(
    config_path: Path | None,
    domain: str | None,
    url: str | None,
    admin: str | None,
    email: str | None,
    as_json: bool,
) -> None:
    """Make settings, keys, database and first admin; what is there already stays as it is.

    Prints a link that signs the admin in once, until they have a password.
    """
    if (admin is None) != (email is None):
        raise click.UsageError("--admin and --email go together.")
    path = _settings_path(config_path)
    written = False
    if domain is not None and not path.exists():
        written = settings.write_initial(path, domain=domain, url=url)
    config = load_config(config_path)
    _check_same(config, domain, url)
    found = run(_init(config, admin, email))
    if as_json:
        print_json({"config": str(path), "domain": config.domain, "url": config.url, **found})
        return
    click.echo(f"{'Wrote' if written else 'Using'} the settings in {config.file or 'the environment'}.")
    click.echo(f"{config.domain} is ready; its address is {config.url}.")
    if found["admin"]:
        click.echo(f"The admin is @{found['admin']}.")
    if found["login_link"]:
        click.echo(f"Sign in once, within a day, and choose a password:\n{found['login_link']}")


def _settings_path(named: Path | None) -> Path:
    """Where the settings file is, or will be: as `config.load` looks for it."""
    chosen = named or os.environ.get(PREFIX + "CONFIG")
    folder = os.environ.get(PREFIX + "DATA") or "data"
    return (Path(chosen) if chosen else Path(folder) / settings.FILE_NAME).absolute()


def _check_same(config: Config, domain: str | None, url: str | None) -> None:
    if domain is not None and domain != config.domain:
        raise ConfigError(
            f"The settings name the domain {config.domain}, which cannot be changed to {domain}."
        )
    if url is not None and url.rstrip("/") != config.url:
        raise ConfigError(f"The settings name the address {config.url}; change it there, not here.")


async def _init(config: Config, admin: str | None, email: str | None) -> dict[str, Any]:
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with opened(config) as here:
        await Keys.open(here.db, config, here.uris)
        row = None
        if admin is not None and email is not None:
            row = await here.db.read(users.by_name, admin)
            if row is None:
                await signup.make_user(
                    here.db, here.uris, here.keys, username=admin, email=email, role="owner"
                )
                row = await here.db.read(users.by_name, admin)
        link = None
        if row is not None and not row.password_hash:
            link = await here.db.write(sessions.login_link, config.origin, row.account_id)
        return {"admin": row.username if row else None, "login_link": link}


# --- user -----------------------------------------------------------------------------------


@click.group()
def user() -> None:
    """Make and look after members."""


@user.command("create")
@config_option
@click.argument("name")
@click.option("--email", required=True, help="Their e-mail address.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True)
@json_option
def create(
    config_path: Path | None, name: str, email: str, password_stdin: bool, role: str, as_json: bool
) -> None:
    """Make a member, confirmed and approved. Without a password, print a link that signs them in once."""
    config = load_config(config_path)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    made = run(_create(config, name, email, password, role))
    if as_json:
        print_json(made)
        return
    click.echo(f"@{made['username']}@{config.domain} is a {made['role']} now.")
    if made["login_link"]:
        click.echo(f"Sign in once, within a day, and choose a password:\n{made['login_link']}")


async def _create(config: Config, name: str, email: str, password: str | None, role: str) -> dict[str, Any]:
    async with opened(config) as here:
        account_id = await signup.make_user(
            here.db,
            here.uris,
            here.keys,
            username=name,
            email=email,
            password=password,
            role=sessions.role_of(role),
        )
        link = None
        if password is None:
            link = await here.db.write(sessions.login_link, config.origin, account_id)
        row = await _by_id(here, account_id)
        return {**_shown(row), "login_link": link}


@user.command("list")
@config_option
@click.option("--role", type=click.Choice(ROLES), help="Only those with this role.")
@json_option
def list_members(config_path: Path | None, role: str | None, as_json: bool) -> None:
    """List the members by name."""
    members = [_shown(row) for row in run(_list(load_config(config_path), role))]
    if as_json:
        print_json({"users": members})
        return
    for shown in members:
        click.echo(f"{shown['username']:30} {shown['role']:10} {shown['state']:12} {shown['email']}")


async def _list(config: Config, role: str | None) -> list[UserRow]:
    async with opened(config) as here:
        return await here.db.read(lambda conn: users.listed(conn, roles=(role,) if role else ()))


@user.command("role")
@config_option
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@json_option
def set_role(config_path: Path | None, name: str, role: str, as_json: bool) -> None:
    """Give a member another role."""

    def unit(conn: Connection, row: UserRow, _: Open) -> None:
        roles.give(conn, None, row, sessions.role_of(role))

    _report(run(_change(load_config(config_path), name, unit)), as_json)


@user.command("allow")
@config_option
@click.argument("name")
@click.argument("what", type=click.Choice(["create-groups"]))
@click.option("--undo", is_flag=True, help="Take the right away again.")
@json_option
def allow(config_path: Path | None, name: str, what: str, undo: bool, as_json: bool) -> None:
    """Grant a member a right: to make groups. Moderators and admins have it anyway."""

    def unit(conn: Connection, row: UserRow, _: Open) -> None:
        users.change(conn, row.account_id, may_create_groups=not undo)
        subject = ("account", row.account_id, row.username)
        before, after = {"may_create_groups": row.may_create_groups}, {"may_create_groups": not undo}
        audit.note(conn, None, "change_rights", subject, before=before, after=after)

    _report(run(_change(load_config(config_path), name, unit)), as_json)


@user.command("suspend")
@config_option
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let them in again.")
@json_option
def suspend(config_path: Path | None, name: str, undo: bool, as_json: bool) -> None:
    """Lock a member out at once and hide what they posted."""

    def unit(conn: Connection, row: UserRow, here: Open) -> None:
        account = accounts.by_id(conn, row.account_id)
        if undo:
            actions.lift(conn, here, account, row, "disable")
            actions.lift(conn, here, account, row, "suspend")
        else:
            actions.impose(conn, here, account, row, "suspend")
            sessions.end_everything(conn, row.account_id)
        audit.note(conn, None, "unsuspend" if undo else "suspend", ("account", row.account_id, row.username))

    _report(run(_change(load_config(config_path), name, unit)), as_json)


@user.command("remove-second-factor")
@config_option
@click.argument("name")
@json_option
def remove_second_factor(config_path: Path | None, name: str, as_json: bool) -> None:
    """Let a member who has lost their second factor sign in with the password alone. They hear of it by mail."""

    def unit(conn: Connection, row: UserRow, _: Open) -> None:
        second_factors.remove_unit(conn, None, row)

    _report(run(_change(load_config(config_path), name, unit)), as_json)


@user.command("reset-password")
@config_option
@click.argument("name")
@json_option
def reset_password(config_path: Path | None, name: str, as_json: bool) -> None:
    """Print a link, good once and for an hour, with which a member chooses a new password."""
    config = load_config(config_path)

    def unit(conn: Connection, row: UserRow, _: Open) -> str:
        return mail_links.mint(conn, config.origin, row.account_id, "reset")

    row, link = run(_change(config, name, unit))
    if as_json:
        print_json({**_shown(row), "reset_link": link})
    else:
        click.echo(f"Give this link to @{row.username}; it works once, within an hour:\n{link}")


async def _change(config: Config, name: str, unit: Any) -> tuple[UserRow, Any]:
    """Run ``unit(conn, row, here)`` on the member of this name; the row afterwards and what the unit returned."""
    async with opened(config) as here:

        def on_member(conn: Connection) -> tuple[UserRow, Any]:
            row = _named(conn, name)
            result = unit(conn, row, here)
            return _named(conn, name), result

        return await here.db.write(on_member)


# --- token ----------------------------------------------------------------------------------


@click.group()
def token() -> None:
    """Make access tokens for scripts."""


@token.command("create")
@config_option
@click.argument("name")
@click.option("--scopes", default=DEFAULT_SCOPES, show_default=True, help="What it may do.")
@json_option
def create_token(config_path: Path | None, name: str, scopes: str, as_json: bool) -> None:
    """Print an access token of a member. It is shown this once."""

    def unit(conn: Connection, row: UserRow, _: Open) -> oauth.IssuedToken:
        return oauth.issue(conn, row.account_id, scopes)

    row, issued = run(_change(load_config(config_path), name, unit))
    if as_json:
        print_json(
            {
                "username": row.username,
                "account_id": str(row.account_id),
                "access_token": issued.access_token,
                "token_type": issued.token_type,
                "scope": issued.scope,
                "created_at": issued.created_at,
            }
        )
    else:
        click.echo(issued.access_token)


def _named(conn: Connection, name: str) -> UserRow:
    row = users.by_name(conn, name.removeprefix("@"))
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no member named {name[:60]!r} here.")
    return row


async def _by_id(here: Open, account_id: int) -> UserRow:
    row = await here.db.read(users.by_id, account_id)
    if row is None:
        raise NotFound
    return row


def _shown(row: UserRow) -> dict[str, Any]:
    return {
        "id": str(row.account_id),
        "username": row.username,
        "uri": row.uri,
        "email": row.email,
        "role": row.role,
        "may_create_groups": row.may_create_groups or sessions.role_of(row.role) in MODERATING,
        "state": _state(row),
    }


def _state(row: UserRow) -> str:
    if row.disabled_at is not None or row.suspended_at is not None:
        return "suspended"
    if row.confirmed_at is None:
        return "unconfirmed"
    return "active" if row.approved_at is not None else "waiting"


def _report(changed: tuple[UserRow, Any], as_json: bool) -> None:
    row, _ = changed
    if as_json:
        print_json(_shown(row))
    else:
        click.echo(f"@{row.username}: {row.role}, {_state(row)}")


commands: Final[tuple[click.Command, ...]] = (init, user, token)
