"""With whom the server federates: with everybody it does not keep out, with its partners and those it allows, or with nobody."""

from __future__ import annotations

from typing import Final

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import domain_losses
from storage.domain_losses import Ties

__all__ = ["MODES", "Ties", "choose", "hidden_by"]

MODES: Final = ("open", "allowlist", "closed")


async def hidden_by(server: Server, member: Member) -> dict[str, Ties]:
    """By mode what of other servers nobody is shown: accounts, and follows from here and from there. Raises Forbidden."""
    require(member, Permission.MANAGE_FEDERATION)
    return await server.db.read(domain_losses.by_mode)


async def choose(server: Server, member: Member, mode: str, *, signed_only: bool, understood: bool) -> None:
    """Federate in this mode from now on; documents are given to `signed_only` requests, or to all.

    Raises Forbidden; Invalid for what cannot be chosen or is locked, or where follows are hidden that were not and that is not `understood`.
    """
    require(member, Permission.MANAGE_FEDERATION)
    if mode not in MODES:
        raise Invalid({"federation_mode": "must be one of those listed"})
    now = await settings.current(server)
    hidden = await hidden_by(server, member)
    if _follows(hidden[mode]) > _follows(hidden[now.federation_mode]) and not understood:
        raise Invalid({"understood": "must be ticked: members lose sight of people by this"})
    wanted = {"federation_mode": mode, "secure_mode": signed_only}
    changes = {name: value for name, value in wanted.items() if value != getattr(now, name)}
    await server.db.write(settings.change_unit, server.config, member, changes)
    server.remembered.forget_settings()


def _follows(ties: Ties) -> int:
    return ties.following + ties.followers
