"""Members bring along what they had elsewhere: whom they followed, blocked and muted, their lists, bookmarks and filters.

The files are those that Mastodon lets its members download. `archives` finds them and `files` reads them, `comparing` says
what they would change, `runs` keeps what a member wants, and `carrying` does it, a part at a time.
"""
