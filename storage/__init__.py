"""The memory: tables, queries, units of work, migrations. No rules, no network, no HTML.

Every query is a plain function whose first argument is a SQLAlchemy ``Connection``; `database.Database`
decides where it runs. Instants are whole milliseconds since 1970 UTC (see `storage.types`).
"""
