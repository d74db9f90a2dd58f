"""Who there is: accounts here and elsewhere, members and how they sign in, apps and their tokens."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Id, Instant, Json

account = Table(
    "account",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("username_key", Text, nullable=False),  # folded; with `domain` it is the handle
    Column("domain", Text, nullable=False, server_default=""),  # "" for accounts of this server
    Column("actor_type", String(32), nullable=False),  # Person, Group, Service, Organization, Application
    Column("display_name", Text, nullable=False, server_default=""),
    Column("note_html", Text, nullable=False, server_default=""),
    Column("note_source", Text, nullable=False, server_default=""),
    Column(
        "fields", Json, nullable=False, server_default="[]"
    ),  # [{name, value (HTML), source, verified_at}]
    Column("emojis", Json, nullable=False, server_default="[]"),  # [{shortcode, url, static_url}]
    Column("avatar_url", Text, nullable=False, server_default=""),  # "" shows the default picture
    Column("avatar_alt", Text, nullable=False, server_default=""),
    Column("header_url", Text, nullable=False, server_default=""),
    Column("header_alt", Text, nullable=False, server_default=""),
    flag("locked"),
    flag("bot"),
    flag("discoverable", default=True),
    flag("indexable"),
    flag("memorial"),
    flag("hidden"),  # a private group, which only its members know of; and who is still to be let in
    flag("hides_follows"),
    flag("show_media", default=True),
    flag("show_media_replies", default=True),
    flag("show_featured", default=True),
    flag("mails_posts"),  # of a member: people without an account may have the posts by e-mail
    Column("attribution_domains", Json, nullable=False, server_default="[]"),
    Column("also_known_as", Json, nullable=False, server_default="[]"),
    refers("moved_to_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("followers_count", Integer, nullable=False, server_default="0"),
    Column("following_count", Integer, nullable=False, server_default="0"),
    Column("posts_count", Integer, nullable=False, server_default="0"),
    instant("last_posted_at"),
    instant("created_at", nullable=False),
    instant("suspended_at"),
    instant("limited_at"),
    instant("sensitized_at"),  # all it posts is marked as sensitive
    instant("deleted_at"),
    # Counts up with each change of what the profile shows: the key of cached renderings.
    Column("version", Integer, nullable=False, server_default="1"),
    # The rest is known of remote accounts only.
    Column("inbox_uri", Text, nullable=False, server_default=""),
    Column("shared_inbox_uri", Text, nullable=False, server_default=""),
    Column("outbox_uri", Text, nullable=False, server_default=""),
    Column("followers_uri", Text, nullable=False, server_default=""),
    Column("following_uri", Text, nullable=False, server_default=""),
    Column("featured_uri", Text, nullable=False, server_default=""),
    Column("collections_uri", Text, nullable=False, server_default=""),
    # Who may put it into a collection: {automatic: [], manual: []}, or "" where it does not say (FEP-7aa9).
    Column("feature_policy", Json, nullable=False, server_default=""),
    Column(
        "host", Text, nullable=False, server_default=""
    ),  # authority of `uri`; "" for accounts of this server
    instant("fetched_at"),
    instant("gone_since_at"),
    instant("moved_at"),
    UniqueConstraint("username_key", "domain"),
    Index("ix_account_host", "host"),
    Index("ix_account_followers_uri", "followers_uri"),
)

# The keys an actor signs with. Private parts only for accounts of this server.
account_key = Table(
    "account_key",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id", index=True),
    Column("algorithm", String(16), nullable=False),  # rsa, ed25519
    Column("public_key", Text, nullable=False),  # PEM for rsa, multibase for ed25519
    Column("private_pem", Text, nullable=True),
    instant("fetched_at", nullable=False),
)

user = Table(
    "user_account",
    metadata,
    refers("account_id", "account.id", primary_key=True),
    Column("email", Text, nullable=False),  # "" of who named an address that is somebody else's
    Column("email_key", Text, nullable=False, unique=True),  # folded for comparison
    Column("password_hash", Text, nullable=False, server_default=""),  # "" cannot sign in with a password
    Column("role", String(16), nullable=False, server_default="member"),  # see fedserver.viewer
    flag("may_create_groups"),  # granted by an admin
    Column("bytes_max", Id, nullable=True),  # room for files, where it is not that of everybody
    Column("locale", String(16), nullable=False, server_default="en"),
    Column("time_zone", String(64), nullable=False, server_default="UTC"),
    Column("default_visibility", String(16), nullable=False, server_default="public"),
    flag("default_sensitive"),
    Column("default_language", String(16), nullable=False, server_default=""),
    Column("default_quote_policy", String(16), nullable=False, server_default="public"),
    Column(
        "mail_kinds", Json, nullable=False, server_default='["mention","reply","follow","follow_request"]'
    ),
    Column("appearance", String(8), nullable=False, server_default="auto"),  # auto, light, dark
    # What was asked of who wants to join, and what they answered: [{question, answer}]
    Column("answers", Json, nullable=False, server_default="[]"),
    Column("trust", String(8), nullable=False, server_default="member"),  # new, member, trusted
    instant("vouched_at"),  # when a moderator let a held post of theirs through
    instant("new_since_at"),  # when a moderator said that they are new again
    refers("invite_id", "invite.id", nullable=True, on_delete="SET NULL", index=True),
    instant("created_at", nullable=False),
    instant("confirmed_at"),
    instant("approved_at"),
    instant("disabled_at"),
    instant("last_active_at"),
    instant("steps_hidden_at"),  # when they had seen enough of their first steps
    Index("ix_user_account_approved_at", "approved_at"),
)

login_session = Table(
    "login_session",
    metadata,
    row_id(),
    Column("secret_hash", Bytes, nullable=False, unique=True),
    refers("account_id", "user_account.account_id", index=True),
    Column("ip", String(64), nullable=False, server_default=""),
    Column("user_agent", Text, nullable=False, server_default=""),
    instant("last_seen_at", nullable=False),
    instant("expires_at", nullable=False),
    # When somebody proved in it who they are, the last time: see web.fresh.
    Column("proved_at", Instant, nullable=False, server_default="0"),
)

# Codes of an app that counts time (RFC 6238), one a member.
totp = Table(
    "totp",
    metadata,
    refers("account_id", "user_account.account_id", primary_key=True),
    Column("sealed", Bytes, nullable=False),  # see fedserver.sealing
    Column("last_step", Integer, nullable=False, server_default="0"),  # of the last code: none is good twice
    instant("created_at", nullable=False),
    instant("confirmed_at"),  # null until a code has shown that the app has it
)

passkey = Table(
    "passkey",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id", index=True),
    Column("credential_id", Bytes, nullable=False, unique=True),
    Column("public_key", Bytes, nullable=False),
    Column("sign_count", BigInteger, nullable=False, server_default="0"),
    Column("name", Text, nullable=False),
    instant("last_used_at"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("code_hash", Bytes, primary_key=True),  # keyed: see fedserver.sealing
    refers("account_id", "user_account.account_id", index=True),
    instant("used_at"),
)

# What waits for the next step of signing in or of adding a passkey, in one browser.
login_step = Table(
    "login_step",
    metadata,
    Column("secret_hash", Bytes, primary_key=True),
    Column("purpose", String(16), nullable=False),  # second, passkey, new_passkey
    refers("account_id", "user_account.account_id", nullable=True, index=True),
    Column("target", Text, nullable=False, server_default=""),  # where signing in leads to
    instant("expires_at", nullable=False),
)

app = Table(
    "app",
    metadata,
    row_id(),
    Column("client_id", Text, nullable=False, unique=True),
    Column("client_secret", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("website", Text, nullable=False, server_default=""),
    Column("redirect_uris", Json, nullable=False),
    Column("scopes", Text, nullable=False),
)

oauth_code = Table(
    "oauth_code",
    metadata,
    Column("code_hash", Bytes, primary_key=True),
    refers("app_id", "app.id"),
    refers("account_id", "user_account.account_id"),
    Column("redirect_uri", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("challenge", Text, nullable=False, server_default=""),  # PKCE S256, "" without
    instant("expires_at", nullable=False),
    refers("token_id", "token.id", nullable=True),  # set once used: a second use revokes what the first got
)

token = Table(
    "token",
    metadata,
    row_id(),
    Column("secret_hash", Bytes, nullable=False, unique=True),
    refers("app_id", "app.id", nullable=True, index=True),
    refers("account_id", "user_account.account_id", nullable=True, index=True),  # null: an app's own token
    Column("scopes", Text, nullable=False),
    instant("last_used_at"),
    instant("revoked_at"),
)

# Links that prove who reads a mailbox: confirm an address, reset a password, sign in once, unsubscribe.
mail_token = Table(
    "mail_token",
    metadata,
    Column("secret_hash", Bytes, primary_key=True),
    Column("purpose", String(16), nullable=False),  # confirm, reset, login, unsubscribe
    refers("account_id", "user_account.account_id", index=True),
    Column("detail", Text, nullable=False, server_default=""),  # the new address; the kind of mail
    instant("expires_at", nullable=False),
    instant("used_at"),
)

push_subscription = Table(
    "push_subscription",
    metadata,
    row_id(),
    refers("token_id", "token.id"),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", Text, nullable=False),
    Column("auth", Text, nullable=False),
    flag("standard"),
    Column("alerts", Json, nullable=False, server_default="{}"),
    Column("policy", String(16), nullable=False, server_default="all"),
    Column("sealed_token", Bytes, nullable=True),  # what apps know their account by; see fedserver.sealing
    Column("failures", Integer, nullable=False, server_default="0"),  # refusals in a row
    UniqueConstraint("token_id"),
)
