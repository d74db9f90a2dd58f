"""What a request carries and where it is found: the whole of our dependency injection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from fedserver.context import Server
from fedserver.settings import InstanceSettings
from fedserver.viewer import Viewer

if TYPE_CHECKING:
    from web.forms import Params, Upload
    from web.guard import Policy
    from web.kept import Kept
    from web.limits import Quota
    from web.templating import Pages


class Readiness:
    """Whether this process still takes work; turned off first when it is asked to stop."""

    stopping = False


SERVER: Final = web.AppKey("server", Server)
PAGES: Final[web.AppKey[Pages]] = web.AppKey("pages")
KEPT: Final[web.AppKey[Kept]] = web.AppKey("kept")
READINESS: Final = web.AppKey("readiness", Readiness)

# Set before a handler is called:
VIEWER: Final[web.RequestKey[Viewer]] = web.RequestKey("viewer")
REQUEST_ID: Final = web.RequestKey("request_id", str)
CLIENT: Final = web.RequestKey("client", str)
"""The address of whoever asks, past the proxies we trust; "" for a local socket."""
POLICY: Final[web.RequestKey[Policy]] = web.RequestKey("policy")
SETTINGS: Final = web.RequestKey("settings", InstanceSettings)
"""What an admin has set, for requests of people."""

# Set on the way:
SESSION: Final = web.RequestKey("session", str)
"""The secret of the session cookie, once it has been found valid."""
QUOTA: Final[web.RequestKey[Quota]] = web.RequestKey("quota")
PARAMS: Final[web.RequestKey[Params]] = web.RequestKey("params")
UPLOADS: Final[web.RequestKey[list[Upload]]] = web.RequestKey("uploads")
FORM_TARGETS: Final = web.RequestKey("form_targets", list[str])
"""Where forms of this page may lead besides this server (see `web.guard.allow_form_to`)."""
FRAMES: Final = web.RequestKey("frames", bool)
"""Whether this page shows pages of ours in frames (see `web.guard.allow_own_frames`)."""


def server(request: web.Request) -> Server:
    """The Server this request is for."""
    return request.app[SERVER]
