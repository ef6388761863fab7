"""Readings of pages and what they were made with, reprocessing runs, checks of the store, manifests."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add all; which engine read a page before is not known, and each such page is at its first reading."""
    _create_tables()
    _add_columns()


def _json() -> sa.types.TypeEngine[Any]:
    made: sa.types.TypeEngine[Any] = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    return made


def _id() -> sa.types.TypeEngine[Any]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create_tables() -> None:

    op.create_table(
        "runs",
        sa.Column("id", _id(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("selection", _json(), nullable=False),
        sa.Column("policy", _json(), nullable=False),
        sa.Column("pages_per_hour", sa.Double(), nullable=True),
        sa.Column("expected_pages", sa.Integer(), nullable=False),
        sa.Column("expected_s_per_page", sa.Double(), nullable=True),
        sa.Column("document_cursor", sa.BigInteger(), nullable=False),
        sa.Column("last_document", sa.BigInteger(), nullable=False),
        sa.Column("next_feed_at", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'paused', 'cancelled', 'done')", name=op.f("ck_runs_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_table(
        "store_checks",
        sa.Column("id", _id(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("options", _json(), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("checked", _json(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint("kind IN ('asked', 'scheduled')", name=op.f("ck_store_checks_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_checks")),
    )
    op.create_table(
        "store_findings",
        sa.Column("id", _id(), nullable=False),
        sa.Column("check_id", _id(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("found_at", sa.Double(), nullable=False),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["store_checks.id"], name=op.f("fk_store_findings_check_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_findings")),
        sa.UniqueConstraint("check_id", "key", name=op.f("uq_store_findings_check_id_key")),
    )
    op.create_index(
        "ix_store_findings_open",
        "store_findings",
        ["key"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "readings",
        sa.Column("page_id", _id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reasons", _json(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("trace", _json(), nullable=True),
        sa.Column("result_key", sa.Text(), nullable=True),
        sa.Column("result_sha256", sa.String(length=64), nullable=True),
        sa.Column("result_size", sa.BigInteger(), nullable=True),
        sa.Column("engine", sa.String(length=64), nullable=True),
        sa.Column("ocr_model", sa.String(length=64), nullable=True),
        sa.Column("mean_confidence", sa.Double(), nullable=True),
        sa.Column("syllable_validity", sa.Double(), nullable=True),
        sa.Column("words", sa.Integer(), nullable=True),
        sa.Column("read_s", sa.Double(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_readings_counts")),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name=op.f("fk_readings_page_id")),
        sa.PrimaryKeyConstraint("page_id", "number", name=op.f("pk_readings")),
    )
    op.create_table(
        "run_items",
        sa.Column("run_id", _id(), nullable=False),
        sa.Column("page_id", _id(), nullable=False),
        sa.Column("document_id", _id(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("old", _json(), nullable=True),
        sa.Column("new", _json(), nullable=True),
        sa.Column("agreement", sa.Double(), nullable=True),
        sa.Column("fed_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('open', 'adopted', 'kept', 'same', 'failed', 'skipped')",
            name=op.f("ck_run_items_outcome"),
        ),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_run_items_document_id")),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name=op.f("fk_run_items_page_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_items_run_id")),
        sa.PrimaryKeyConstraint("run_id", "page_id", name=op.f("pk_run_items")),
    )
    op.create_index("ix_run_items_document", "run_items", ["run_id", "document_id"], unique=False)
    op.create_index("ix_run_items_outcome", "run_items", ["run_id", "outcome"], unique=False)


def _add_columns() -> None:
    op.add_column("dossiers", sa.Column("office", sa.String(length=64), nullable=True))
    op.add_column("dossiers", sa.Column("station", sa.String(length=64), nullable=True))
    op.add_column("dossiers", sa.Column("changes", sa.Integer(), server_default="1", nullable=False))
    op.add_column("dossiers", sa.Column("described", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_dossiers_undescribed",
        "dossiers",
        ["id"],
        unique=False,
        sqlite_where=sa.text("described < changes"),
        postgresql_where=sa.text("described < changes"),
    )
    op.add_column("jobs", sa.Column("run_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_jobs_run_open",
        "jobs",
        ["run_id"],
        unique=False,
        sqlite_where=sa.text("run_id IS NOT NULL AND state IN ('queued', 'running')"),
        postgresql_where=sa.text("run_id IS NOT NULL AND state IN ('queued', 'running')"),
    )
    op.add_column("pages", sa.Column("reading", sa.Integer(), server_default="1", nullable=False))
    op.add_column("pages", sa.Column("engine", sa.String(length=64), nullable=True))
    op.add_column("pages", sa.Column("ocr_model", sa.String(length=64), nullable=True))
    op.add_column("pages", sa.Column("mean_confidence", sa.Double(), nullable=True))
    op.add_column("pages", sa.Column("syllable_validity", sa.Double(), nullable=True))
    op.add_column("pages", sa.Column("words", sa.Integer(), nullable=True))
    op.add_column("pages", sa.Column("read_s", sa.Double(), nullable=True))
    op.add_column("rendition_drafts", sa.Column("readings", _json(), nullable=True))
    op.add_column("renditions", sa.Column("readings", _json(), nullable=True))


def downgrade() -> None:
    """Drop them, and with them every reading but the current ones."""

    op.drop_column("renditions", "readings")
    op.drop_column("rendition_drafts", "readings")
    op.drop_column("pages", "read_s")
    op.drop_column("pages", "words")
    op.drop_column("pages", "syllable_validity")
    op.drop_column("pages", "mean_confidence")
    op.drop_column("pages", "ocr_model")
    op.drop_column("pages", "engine")
    op.drop_column("pages", "reading")
    op.drop_index(
        "ix_jobs_run_open",
        table_name="jobs",
        sqlite_where=sa.text("run_id IS NOT NULL AND state IN ('queued', 'running')"),
        postgresql_where=sa.text("run_id IS NOT NULL AND state IN ('queued', 'running')"),
    )
    op.drop_column("jobs", "run_id")
    op.drop_index(
        "ix_dossiers_undescribed",
        table_name="dossiers",
        sqlite_where=sa.text("described < changes"),
        postgresql_where=sa.text("described < changes"),
    )
    op.drop_column("dossiers", "described")
    op.drop_column("dossiers", "changes")
    op.drop_column("dossiers", "station")
    op.drop_column("dossiers", "office")
    op.drop_index("ix_run_items_outcome", table_name="run_items")
    op.drop_index("ix_run_items_document", table_name="run_items")
    op.drop_table("run_items")
    op.drop_table("readings")
    op.drop_index(
        "ix_store_findings_open",
        table_name="store_findings",
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.drop_table("store_findings")
    op.drop_table("store_checks")
    op.drop_table("runs")
