"""Passkeys: signing in with a key that a device keeps (WebAuthn). Instead of a password, or as the second factor.

A challenge is a step of signing in (`storage.second_factors`): good once, for five minutes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedserver import second_factors, settings
from fedserver.config import Config
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.later import Later
from fedserver.remembered import SECRET_BYTES, digest, new_secret
from fedserver.viewer import Member
from storage import second_factors as stored
from storage.types import now_ms

if TYPE_CHECKING:
    import webauthn
    from webauthn import helpers
    from webauthn.helpers import exceptions, structs
else:
    webauthn = Later("webauthn")
    helpers = Later("webauthn.helpers")
    exceptions = Later("webauthn.helpers.exceptions")
    structs = Later("webauthn.helpers.structs")

STEP_MS: Final = 300_000
PASSKEYS_MAX: Final = 20
NAME_CHARS_MAX: Final = 60
ANSWER_CHARS_MAX: Final = 20_000
_WRONG: Final = "This passkey was not accepted. Please try again."


def _challenge(conn: Connection, purpose: str, account_id: int | None) -> bytes:
    secret, secret_hash = new_secret()
    stored.add_step(
        conn,
        secret_hash,
        purpose=purpose,
        account_id=account_id,
        target="",
        expires_at=now_ms() + STEP_MS,
    )
    return secret.encode()


def _use_challenge(conn: Connection, purpose: str, answer: dict[str, Any]) -> tuple[bytes, int | None]:
    """The challenge that an answer is to, used up, and whose it was. Raises Invalid."""
    try:
        said = json.loads(helpers.base64url_to_bytes(answer["response"]["clientDataJSON"]))
        challenge = helpers.base64url_to_bytes(said["challenge"])
        secret_hash = digest(challenge.decode("ascii"))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid({"passkey": _WRONG}, _WRONG) from error
    row = stored.step(conn, secret_hash, purpose) if len(challenge) >= SECRET_BYTES else None
    if row is None or row.expires_at <= now_ms() or not stored.end_step(conn, secret_hash):
        raise Invalid({"passkey": _WRONG}, _WRONG)
    return challenge, row.account_id


def _read(answer: str) -> dict[str, Any]:
    try:
        read = json.loads(answer) if len(answer) <= ANSWER_CHARS_MAX else None
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise Invalid({"passkey": _WRONG}, _WRONG)
    return read


def _of_site(config: Config) -> dict[str, Any]:
    return {"expected_rp_id": urlsplit(config.origin).hostname or "", "expected_origin": config.origin}


# --- adding one -----------------------------------------------------------------------------


async def to_add(server: Server, member: Member) -> str:
    """What a browser needs to make one, as JSON."""
    title = (await settings.current(server)).title

    def unit(conn: Connection) -> str:
        known = stored.passkeys_of(conn, member.account_id)
        if len(known) >= PASSKEYS_MAX:
            raise Conflict("You have as many passkeys as one can have. Remove one first.")
        options = webauthn.generate_registration_options(
            rp_id=_of_site(server.config)["expected_rp_id"],
            rp_name=title,
            user_id=str(member.account_id).encode(),
            user_name=member.username,
            challenge=_challenge(conn, "new_passkey", member.account_id),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=bytes(one.credential_id)) for one in known
            ],
        )
        return webauthn.options_to_json(options)

    return await server.db.write(unit)


async def add(server: Server, member: Member, answer: str, name: str) -> None:
    """Keep the passkey that a browser has made. Raises Invalid, Conflict."""
    given, name = _read(answer), clean_line(name)[:NAME_CHARS_MAX] or "Passkey"

    def unit(conn: Connection) -> None:
        challenge, account_id = _use_challenge(conn, "new_passkey", given)
        if account_id != member.account_id:
            raise Invalid({"passkey": _WRONG}, _WRONG)
        try:
            made = webauthn.verify_registration_response(
                credential=given,
                expected_challenge=challenge,
                require_user_verification=True,
                **_of_site(server.config),
            )
        except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise Invalid({"passkey": _WRONG}, _WRONG) from error
        if not stored.add_passkey(
            conn,
            member.account_id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name,
        ):
            raise Conflict("This passkey is known already.")
        second_factors.tell(conn, member.account_id, "passkey_added", name=name)

    await server.db.write(unit)
    server.remembered.forget_member(member.account_id)


async def remove(server: Server, member: Member, passkey_id: int) -> None:
    """Forget one of the member's. Raises NotFound."""

    def unit(conn: Connection) -> None:
        name = stored.remove_passkey(conn, member.account_id, passkey_id)
        if name is None:
            raise NotFound
        second_factors.tidy(conn, member.account_id)
        second_factors.tell(conn, member.account_id, "passkey_removed", name=name)

    await server.db.write(unit)
    server.remembered.forget_member(member.account_id)


# --- proving with one -----------------------------------------------------------------------


async def to_prove(server: Server, account_id: int | None) -> str:
    """What a browser needs to prove who somebody is, as JSON: this account, or (None) whoever has one."""

    def unit(conn: Connection) -> str:
        known = [] if account_id is None else stored.passkeys_of(conn, account_id)
        options = webauthn.generate_authentication_options(
            rp_id=_of_site(server.config)["expected_rp_id"],
            challenge=_challenge(conn, "passkey", account_id),
            allow_credentials=[
                structs.PublicKeyCredentialDescriptor(id=bytes(one.credential_id)) for one in known
            ],
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    return await server.db.write(unit)


def prove(conn: Connection, config: Config, answer: str) -> int:
    """Whose passkey has answered a challenge, which is used up; within a unit. Raises Invalid."""
    given = _read(answer)
    challenge, account_id = _use_challenge(conn, "passkey", given)
    try:
        row = stored.passkey_by_credential(conn, helpers.base64url_to_bytes(given["rawId"]))
        if row is None or account_id not in (None, row.account_id):
            raise Invalid({"passkey": _WRONG}, _WRONG)
        proved = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
            **_of_site(config),
        )
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise Invalid({"passkey": _WRONG}, _WRONG) from error
    stored.used_passkey(conn, row.id, sign_count=proved.new_sign_count, now=now_ms())
    return row.account_id
