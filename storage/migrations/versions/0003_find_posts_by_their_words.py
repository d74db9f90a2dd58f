"""Find posts by their words

Revision: 0003, after 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Words come from `storage.words`, so FTS5 has nothing to decide but to part them at blanks. The triggers belong to
# the table: whoever rebuilds `post_words` makes them again.
_SQLITE = (
    """CREATE VIRTUAL TABLE post_fts USING fts5(
        words, content = 'post_words', content_rowid = 'post_id', tokenize = "ascii tokenchars '_'"
    )""",
    """CREATE TRIGGER post_fts_insert AFTER INSERT ON post_words BEGIN
        INSERT INTO post_fts (rowid, words) VALUES (new.post_id, new.words);
    END""",
    """CREATE TRIGGER post_fts_delete AFTER DELETE ON post_words BEGIN
        INSERT INTO post_fts (post_fts, rowid, words) VALUES ('delete', old.post_id, old.words);
    END""",
    """CREATE TRIGGER post_fts_update AFTER UPDATE ON post_words BEGIN
        INSERT INTO post_fts (post_fts, rowid, words) VALUES ('delete', old.post_id, old.words);
        INSERT INTO post_fts (rowid, words) VALUES (new.post_id, new.words);
    END""",
)
# Beginnings of hashtags are looked up in byte order, which SQLite's own index has already.
_POSTGRESQL = (
    "CREATE INDEX post_fts ON post_words USING gin (words)",
    'CREATE INDEX hashtag_key_fts ON hashtag (key COLLATE "C")',
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if sqlite else _POSTGRESQL:
        op.execute(statement)
