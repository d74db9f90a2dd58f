"""What we read from others, as values: lenient readers, one file per family of types.

``read_actor``, ``read_post``, ``read_tombstone``, ``read_collection`` and ``read_stamp`` take a document that
``values.normalise`` made and raise ``Malformed`` only when the indispensable is missing.
"""

from activitypub.vocabulary.actor import Actor, Field, Multikey, PublicKey, read_actor, read_keys
from activitypub.vocabulary.collection import Collection, read_collection
from activitypub.vocabulary.parts import Attachment, Emoji, Hashtag, Mention, Picture
from activitypub.vocabulary.post import Poll, PollOption, Post, Tombstone, read_post, read_tombstone
from activitypub.vocabulary.resource import Report, Resource
from activitypub.vocabulary.stamp import Stamp, read_stamp

__all__ = [
    "Actor",
    "Attachment",
    "Collection",
    "Emoji",
    "Field",
    "Hashtag",
    "Mention",
    "Multikey",
    "Picture",
    "Poll",
    "PollOption",
    "Post",
    "PublicKey",
    "Report",
    "Resource",
    "Stamp",
    "Tombstone",
    "read_actor",
    "read_collection",
    "read_keys",
    "read_post",
    "read_stamp",
    "read_tombstone",
]
