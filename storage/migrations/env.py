"""Run by Alembic; the connection comes from `storage.migrate`."""

from alembic import context

from storage.tables import metadata


def is_described(_object: object, name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
    """Whether `storage.tables` can describe it: full-text indexes are of the databases' own kinds."""
    return name is None or "_fts" not in name


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=is_described,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
