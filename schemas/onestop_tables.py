"""Tables of the way to the one-stop system and back: receipts, webhooks, links, milestones, histories."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemas.tables import access_keys, events, metadata, records, renditions

_Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER
_QUEUED = text("state = 'queued'")
_OPEN = text("state IN ('queued', 'running')")
_RUNNING = text("state = 'running'")

acks = Table(
    "acks",
    metadata,
    Column("client", ForeignKey(access_keys.c.id), primary_key=True),
    Column("event_id", ForeignKey(events.c.id), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("rendition", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("acked_at", Double, nullable=False),
    Index("ix_acks_event_id", "event_id"),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("client", ForeignKey(access_keys.c.id), nullable=False),
    Column("url", Text, nullable=False),
    Column("adapter", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("disabled_reason", Text),
    # Events up to this number have become deliveries, or are none of this client's.
    Column("fed_seq", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    CheckConstraint("adapter IN ('webhook', 'portal')", name="adapter"),
    CheckConstraint("state IN ('active', 'disabled')", name="state"),
)
"""Where a one-stop client wants to be told. Its signing secrets lie in files, never here."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("endpoint", ForeignKey(endpoints.c.id), nullable=False),
    Column("event_id", ForeignKey(events.c.id), nullable=False),
    Column("record_code", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("owner", String(128)),
    Column("lease_until", Double),
    Column("next_attempt_at", Double, nullable=False),
    Column("status", Integer),
    Column("failure", Text),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    UniqueConstraint("endpoint", "event_id"),
    CheckConstraint("state IN ('queued', 'running', 'delivered', 'dead')", name="state"),
    Index(
        "ix_deliveries_due",
        "endpoint",
        "next_attempt_at",
        "sequence",
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    ),
    Index("ix_deliveries_record", "endpoint", "record_code"),
    # A later event of a record waits for the earlier one.
    Index(
        "ix_deliveries_open",
        "endpoint",
        "record_code",
        "sequence",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    Index(
        "ix_deliveries_running",
        "endpoint",
        "lease_until",
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    ),
)

file_links = Table(
    "file_links",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("rendition_id", ForeignKey(renditions.c.id), nullable=False),
    Column("client", ForeignKey(access_keys.c.id), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("revoked_at", Double),
    Index("ix_file_links_rendition", "rendition_id", "client"),
)
"""Addresses at which one rendition is given to one client. The token itself is made from a key in a file."""

milestones = Table(
    "milestones",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("record_code", ForeignKey(records.c.code), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("occurred_at", Double, nullable=False),
    Column("channel", Integer),
    Column("place", String(64)),
    Column("procedure_code", String(64)),
    Column("due_at", Double),
    Column("corrects", String(64)),
    Column("reported_by", String(128), nullable=False),
    Column("reported_at", Double, nullable=False),
    CheckConstraint(
        "kind IN ('received', 'supplement_asked', 'handed_over', 'result_issued', 'posted', 'delivered', "
        "'delivery_failed')",
        name="kind",
    ),
    CheckConstraint("channel IN (1, 2, 3)", name="channel"),
)
"""What happened to a record, as it was reported; the id is the SHA-256 of what is said."""

record_histories = Table(
    "record_histories",
    metadata,
    Column("record_code", ForeignKey(records.c.code), primary_key=True),
    Column("agency", String(64), nullable=False),
    Column("procedure_code", String(64)),
    Column("office", String(64)),
    Column("channel", Integer),
    Column("received_at", Double, index=True),
    Column("due_at", Double),
    Column("handed_over_at", Double),
    Column("result_at", Double, index=True),
    Column("timeliness", String(8)),
    Column("posted_at", Double),
    Column("returned_at", Double, index=True),
    Column("return_channel", Integer),
    Column("return_office", String(64)),
    Column("failed_deliveries", Integer, nullable=False, server_default="0"),
    Column("supplements", Integer, nullable=False, server_default="0"),
    Column("digitised_at", Double),
    CheckConstraint("timeliness IN ('early', 'on_time', 'late')", name="timeliness"),
)
"""What follows from a record's milestones and dossiers, one row a record: what statistics count."""
