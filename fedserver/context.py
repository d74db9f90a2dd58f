"""What one process holds, built in `fedserver.assembly` and passed down. There is no other shared state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fedserver.federation.peers import Peers
from fedserver.media.downloads import Downloads
from fedserver.observe import Metrics
from fedserver.remembered import Remembered
from fedserver.resources.facets import Index

if TYPE_CHECKING:
    from activitypub.identifiers import Uris
    from fedserver.config import Config
    from fedserver.federation.http import GuardedClient
    from fedserver.federation.publish import Publisher
    from fedserver.keys import Keys
    from fedserver.live import Bus
    from fedserver.mail import Mailer
    from fedserver.media.clips import ClipProcessor
    from fedserver.media.images import ImageProcessor
    from fedserver.media.store import MediaStore
    from fedserver.translations import Translator
    from storage.database import Database


@dataclass(frozen=True)
class Server:
    """The parts that features work with. Functions take what they use, `server` only when it is most of it."""

    config: Config
    db: Database
    uris: Uris
    keys: Keys
    publish: Publisher
    http: GuardedClient
    bus: Bus
    mail: Mailer
    media: MediaStore
    images: ImageProcessor
    clips: ClipProcessor
    remembered: Remembered = field(default_factory=Remembered)
    metrics: Metrics = field(default_factory=Metrics)
    peers: Peers = field(default_factory=Peers)
    translator: Translator | None = None
    downloads: Downloads = field(default_factory=Downloads)
    library: Index = field(default_factory=Index)
    meets: str = ""  # a host that need not be allowed yet: see `fedserver.federation.policy.meeting`
