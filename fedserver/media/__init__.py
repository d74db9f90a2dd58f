"""Pictures: what is accepted, how it is made harmless, where it is kept.

`pipeline` is the way in; `images` runs the decoder in a process of its own (`image_worker`); `store` keeps
the results. Nothing here reads a table.
"""
