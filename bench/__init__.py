"""`make bench`: the server measured against itself, on both databases in one run.

Every figure is CPU time of the server's processes, its database included, for one operation; and the same as
a ratio to a bare aiohttp handler that sends the same bytes, measured in the same run. Ratios travel from one
machine to another; milliseconds do not.
"""
