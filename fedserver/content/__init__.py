"""Text and HTML of posts: cleaned, linked, sanitised, measured. Pure functions; nothing here reads a table.

`text` cleans lines and bodies, `links` finds mentions, hashtags and addresses, `plain` and `markdown` make
HTML of what members write, `html` makes HTML from elsewhere safe and turns HTML into text.
"""
