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

HEAD_REVISION = "0007"
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
    Column("office", String(64)),
    Column("station", String(64)),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("completed_at", Double),
    Column("completions", Integer, nullable=False, server_default="0"),
    # How often what its manifest tells has changed, and up to which change one is in the store.
    Column("changes", Integer, nullable=False, server_default="1"),
    Column("described", Integer, nullable=False, server_default="0"),
    Column("opened_at", Double),
    # Counted at each completion; the first one, and the first full acknowledgement, stay.
    Column("page_total", Integer),
    Column("rescans", Integer),
    Column("first_completed_at", Double),
    Column("attached_at", Double),
    Index("ix_dossiers_station", "office", "station"),
    Index("ix_dossiers_submitted_at", "submitted_at"),
    CheckConstraint("kind IN ('intake', 'result')", name="kind"),
    CheckConstraint(
        "state IN ('open', 'submitted', 'processing', 'needs_rescan', 'complete', 'failed')", name="state"
    ),
    Index(
        "ix_dossiers_undescribed",
        "id",
        sqlite_where=text("described < changes"),
        postgresql_where=text("described < changes"),
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
    # Which reading of this revision the columns above and below tell of; NULL below: not known.
    Column("reading", Integer, nullable=False, server_default="1"),
    Column("engine", String(64)),
    Column("ocr_model", String(64)),
    Column("mean_confidence", Double),
    Column("syllable_validity", Double),
    Column("words", Integer),
    Column("read_s", Double),
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

readings = Table(
    "readings",
    metadata,
    Column("page_id", ForeignKey(pages.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("reasons", _Json, nullable=False),
    Column("failure", Text),
    Column("trace", _Json),
    Column("result_key", Text),
    Column("result_sha256", _Sha256),
    Column("result_size", BigInteger),
    Column("engine", String(64)),
    Column("ocr_model", String(64)),
    Column("mean_confidence", Double),
    Column("syllable_validity", Double),
    Column("words", Integer),
    Column("read_s", Double),
    Column("run_id", BigInteger),
    Column("created_at", Double, nullable=False),
    CheckConstraint("number >= 1", name="counts"),
)
"""Every reading of the page revisions that were read more than once, the first and the current among them."""

rendition_drafts = Table(
    "rendition_drafts",
    metadata,
    Column("document_id", ForeignKey(documents.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sha256", _Sha256, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("page_ids", _Json, nullable=False),
    Column("readings", _Json),
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
    Column("readings", _Json),
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
    Column("run_id", BigInteger),
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
    Index("ix_jobs_lease", "state", "lease_until"),
    # In the order in which hints are given out: a million batch jobs that wait are not looked through.
    Index(
        "ix_jobs_waiting",
        "kind",
        "priority",
        "created_at",
        "document_id",
        "page_id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_jobs_hinted",
        "kind",
        "hinted_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_jobs_run_open",
        "run_id",
        sqlite_where=text("run_id IS NOT NULL AND state IN ('queued', 'running')"),
        postgresql_where=text("run_id IS NOT NULL AND state IN ('queued', 'running')"),
    ),
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
    Column("dossier_id", ForeignKey(dossiers.c.id)),  # none: of a record alone
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

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("selection", _Json, nullable=False),
    Column("policy", _Json, nullable=False),
    Column("pages_per_hour", Double),
    Column("expected_pages", Integer, nullable=False),
    Column("expected_s_per_page", Double),
    # Documents are fed in the order of their ids; `next_feed_at` is what the rate is kept by.
    Column("document_cursor", BigInteger, nullable=False),
    Column("last_document", BigInteger, nullable=False),
    Column("next_feed_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    CheckConstraint("state IN ('running', 'paused', 'cancelled', 'done')", name="state"),
)
"""Reprocessing runs: what was selected, how far it was fed, what is kept of it."""

run_items = Table(
    "run_items",
    metadata,
    Column("run_id", ForeignKey(runs.c.id), primary_key=True),
    Column("page_id", ForeignKey(pages.c.id), primary_key=True),
    Column("document_id", ForeignKey(documents.c.id), nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("why", Text),
    Column("old", _Json),
    Column("new", _Json),
    Column("agreement", Double),
    Column("fed_at", Double, nullable=False),
    Column("ended_at", Double),
    CheckConstraint("outcome IN ('open', 'adopted', 'kept', 'same', 'failed', 'skipped')", name="outcome"),
    Index("ix_run_items_outcome", "run_id", "outcome"),
    Index("ix_run_items_document", "run_id", "document_id"),
)

store_checks = Table(
    "store_checks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("options", _Json, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("cursor", Text, nullable=False),
    Column("checked", _Json, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    CheckConstraint("kind IN ('asked', 'scheduled')", name="kind"),
)
"""Checks of the store against the ledger, and how far each has come."""

store_findings = Table(
    "store_findings",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("check_id", ForeignKey(store_checks.c.id), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("found_at", Double, nullable=False),
    Column("settled_at", Double),
    # Why it may stay so, where an operator said it; what mended itself has none.
    Column("settled_reason", Text),
    UniqueConstraint("check_id", "key"),
    Index(
        "ix_store_findings_open",
        "key",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
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
