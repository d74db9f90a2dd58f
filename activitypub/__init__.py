"""The language of the fediverse: read, build, sign and verify. Pure values in, pure values out.

Nothing here does I/O and nothing here knows the server around it. Start with ``values`` (the door for
JSON), ``vocabulary`` and ``activities`` (what others say), ``builders`` (what we say), ``identifiers``
(whose address is this), ``signatures`` and ``discovery``.
"""
