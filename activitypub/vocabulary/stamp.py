"""Consent to be quoted, as other servers state it (FEP-044f ``QuoteAuthorization``)."""

from typing import Any

import msgspec

from activitypub.errors import Malformed, Unsupported
from activitypub.identifiers import same_origin
from activitypub.values import id_of, types_of


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Who agrees (``attributed_to``) that which post (``interacting_object``) quotes which of theirs."""

    id: str
    attributed_to: str
    interacting_object: str
    interaction_target: str

    def allows(self, *, author: str, quoting_post: str, quoted_post: str) -> bool:
        """Whether it is this author's consent to exactly this quote, from the author's own origin (FEP-fe34)."""
        return (
            self.attributed_to == author
            and self.interacting_object == quoting_post
            and self.interaction_target == quoted_post
            and same_origin(self.id, author)
        )


def read_stamp(document: dict[str, Any]) -> Stamp:
    """The stamp in a normalised document. Raises ``Unsupported`` for what is none, ``Malformed`` for half of one."""
    if "QuoteAuthorization" not in types_of(document):
        raise Unsupported("the document is no QuoteAuthorization")
    uri, author = id_of(document.get("id")), id_of(document.get("attributedTo"))
    quoting, quoted = id_of(document.get("interactingObject")), id_of(document.get("interactionTarget"))
    if uri is None or author is None or quoting is None or quoted is None:
        raise Malformed("a QuoteAuthorization that does not say who may quote what")
    return Stamp(id=uri, attributed_to=author, interacting_object=quoting, interaction_target=quoted)
