"""What we say: documents built from plain values, ready to be signed and sent.

Every builder returns a new ``dict`` with its ``@context`` first. An object put into an activity hands
its context to the activity around it. Proofs and signatures are added afterwards, by ``signatures``.
"""
