"""The tables of the ledger, for SQLite and PostgreSQL alike. Times are seconds since the epoch, UTC."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

HEAD_REVISION = "0005"
"""The newest revision in `schemas/migrations/versions`; a ledger at it needs no migration."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Json = JSON().with_variant(JSONB(), "postgresql")
_Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER
_Sha256 = String(64)
_DossierId = String(36)

records = Table(
    "records",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("created_at", Double, nullable=False),
)

dossiers = Table(
    "dossiers",
    metadata,
    Column("id", _DossierId, primary_key=True),
    Column("record_code", ForeignKey(records.c.code), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("procedure_code", String(64)),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("completed_at", Double),
    Column("completions", Integer, nullable=False, server_default="0"),
    Column("office", String(32)),
    Column("station", String(32)),
    Column("opened_at", Double),
    Index("ix_dossiers_station", "office", "station"),
    CheckConstraint("kind IN ('intake', 'result')", name="kind"),
    CheckConstraint(
        "state IN ('open', 'submitted', 'processing', 'needs_rescan', 'complete', 'failed')", name="state"
    ),
)

documents = Table(
    "documents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("dossier_id", ForeignKey(dossiers.c.id), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("type_code", String(64)),
    Column("title", Text, nullable=False),
    Column("page_count", Integer, nullable=False),
    Column("declared_pages", Integer),
    Column("not_digitised", String(16)),
    Column("state", String(16), nullable=False),
    Column("failure", Text),
    UniqueConstraint("dossier_id", "ordinal"),
    CheckConstraint("ordinal >= 1 AND page_count >= 1", name="counts"),
    CheckConstraint("state IN ('pending', 'processing', 'needs_rescan', 'complete', 'failed')", name="state"),
)

originals = Table(
    "originals",
    metadata,
    Column("sha256", _Sha256, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
)

pages = Table(
    "pages",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("document_id", ForeignKey(documents.c.id), nullable=False),
    Column("number", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("original_sha256", ForeignKey(originals.c.sha256), nullable=False),
    Column("source_page", Integer, nullable=False),
    Column("verdict", String(16)),
    Column("reasons", _Json, nullable=False),
    Column("failure", Text),
    Column("accepted_reason", Text),
    Column("trace", _Json),
    Column("result_key", Text),
    Column("result_sha256", _Sha256),
    Column("result_size", BigInteger),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("document_id", "number", "revision"),
    CheckConstraint("number >= 1 AND revision >= 1 AND source_page >= 1", name="counts"),
    Index(
        "uq_pages_current",
        "document_id",
        "number",
        unique=True,
        sqlite_where=text("is_current"),
        postgresql_where=text("is_current"),
    ),
)

rendition_drafts = Table(
    "rendition_drafts",
    metadata,
    Column("document_id", ForeignKey(documents.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sha256", _Sha256, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("page_ids", _Json, nullable=False),
)

renditions = Table(
    "renditions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("document_id", ForeignKey(documents.c.id), nullable=False),
    Column("number", Integer, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("sha256", _Sha256, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("page_ids", _Json, nullable=False),
    Column("level", String(8)),
    Column("level_asked", String(8)),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("document_id", "number"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("dossier_id", ForeignKey(dossiers.c.id), nullable=False, index=True),
    Column("document_id", ForeignKey(documents.c.id), nullable=False, index=True),
    Column("page_id", ForeignKey(pages.c.id)),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("owner", String(128)),
    Column("lease_until", Double),
    Column("next_attempt_at", Double, nullable=False),
    Column("hinted_at", Double),
    Column("waiting_since", Double),
    Column("failure", Text),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    CheckConstraint("kind IN ('page', 'document')", name="kind"),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
    Index("ix_jobs_due", "state", "kind", "priority", "next_attempt_at"),
    Index("ix_jobs_lease", "state", "lease_until"),
    # A page is read, and a document bound, by one open job at a time.
    Index(
        "uq_jobs_open_page",
        "page_id",
        unique=True,
        sqlite_where=text("kind = 'page' AND state IN ('queued', 'running')"),
        postgresql_where=text("kind = 'page' AND state IN ('queued', 'running')"),
    ),
    Index(
        "uq_jobs_open_document",
        "document_id",
        unique=True,
        sqlite_where=text("kind = 'document' AND state IN ('queued', 'running')"),
        postgresql_where=text("kind = 'document' AND state IN ('queued', 'running')"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("publish_seq", BigInteger, unique=True),
    Column("type", String(64), nullable=False),
    Column("record_code", ForeignKey(records.c.code), nullable=False, index=True),
    Column("dossier_id", ForeignKey(dossiers.c.id), nullable=False),
    Column("completion", Integer, nullable=False),
    Column("payload", _Json, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("dossier_id", "completion"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("prev_hash", _Sha256, nullable=False),
    Column("hash", _Sha256, nullable=False, unique=True),
)

fast_looks = Table(
    "fast_looks",
    metadata,
    Column("page_id", ForeignKey(pages.c.id), primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("reasons", _Json, nullable=False),
    Column("p_unreadable", Double, nullable=False),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("secret_sha256", _Sha256, nullable=False),
    Column("label", Text, nullable=False),
    Column("office", String(32)),
    Column("station", String(32)),
    Column("agencies", _Json, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    CheckConstraint("role IN ('station', 'onestop', 'operator', 'supervisor')", name="role"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", String(80), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("request_sha256", _Sha256, nullable=False),
    Column("dossier_id", ForeignKey(dossiers.c.id), nullable=False),
    Column("created_at", Double, nullable=False, index=True),
)

acks = Table(
    "acks",
    metadata,
    Column("client", ForeignKey(access_keys.c.id), primary_key=True),
    Column("event_id", ForeignKey(events.c.id), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("rendition", Integer, nullable=False),
    Column("sha256", _Sha256, nullable=False),
    Column("acked_at", Double, nullable=False),
    Index("ix_acks_event_id", "event_id"),
)

procedures = Table(
    "procedures",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("effective_from", String(10), primary_key=True),
    Column("effective_to", String(10)),
    Column("name", Text, nullable=False),
    Column("agency", Text),
    Column("accepted", Boolean, nullable=False),
    Column("reason", Text),
)
