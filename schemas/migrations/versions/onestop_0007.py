"""Webhooks and links to files; milestones of records and what follows from them; events of a record alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_QUEUED = sa.text("state = 'queued'")
_OPEN = sa.text("state IN ('queued', 'running')")
_RUNNING = sa.text("state = 'running'")

_AGENCY = {
    "sqlite": "substr(record_code, 1, instr(record_code, '-') - 1)",
    "postgresql": "split_part(record_code, '-', 1)",
}


def upgrade() -> None:
    """What is known of dossiers that are there already is counted once."""
    _let_events_be_of_records(nullable=True)
    for column in (
        sa.Column("page_total", sa.Integer(), nullable=True),
        sa.Column("rescans", sa.Integer(), nullable=True),
        sa.Column("first_completed_at", sa.Double(), nullable=True),
        sa.Column("attached_at", sa.Double(), nullable=True),
    ):
        op.add_column("dossiers", column)
    op.create_index("ix_dossiers_submitted_at", "dossiers", ["submitted_at"])
    _create_delivery()
    _create_milestones()
    _count()


def downgrade() -> None:
    """Drop them, and the events that belong to no dossier."""
    for table in ("record_histories", "milestones", "file_links", "deliveries", "endpoints"):
        op.drop_table(table)
    op.drop_index("ix_dossiers_submitted_at", "dossiers")
    for name in ("page_total", "rescans", "first_completed_at", "attached_at"):
        op.drop_column("dossiers", name)
    op.execute("DELETE FROM events WHERE dossier_id IS NULL")
    _let_events_be_of_records(nullable=False)


def _let_events_be_of_records(*, nullable: bool) -> None:
    """SQLite can only make the table anew, and what refers to it with it."""
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("events", "dossier_id", existing_type=sa.String(36), nullable=nullable)
        return
    op.drop_index("ix_events_record_code", "events")
    op.drop_index("ix_acks_event_id", "acks")
    op.rename_table("acks", "old_acks")
    op.rename_table("events", "old_events")
    op.create_table(
        "events",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("publish_seq", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("record_code", sa.String(64), nullable=False),
        sa.Column("dossier_id", sa.String(36), nullable=nullable),
        sa.Column("completion", sa.Integer(), nullable=False),
        sa.Column("payload", _json, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["record_code"], ["records.code"], name=op.f("fk_events_record_code")),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossiers.id"], name=op.f("fk_events_dossier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("publish_seq", name=op.f("uq_events_publish_seq")),
        sa.UniqueConstraint("dossier_id", "completion", name=op.f("uq_events_dossier_id_completion")),
    )
    op.create_table(
        "acks",
        sa.Column("client", sa.String(16), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("rendition", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("acked_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["access_keys.id"], name=op.f("fk_acks_client")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_acks_event_id")),
        sa.PrimaryKeyConstraint("client", "event_id", "ordinal", name=op.f("pk_acks")),
    )
    op.execute(
        "INSERT INTO events SELECT id, publish_seq, type, record_code, dossier_id, completion, payload, "
        "created_at FROM old_events"
    )
    op.execute("INSERT INTO acks SELECT client, event_id, ordinal, rendition, sha256, acked_at FROM old_acks")
    op.drop_table("old_acks")
    op.drop_table("old_events")
    op.create_index("ix_events_record_code", "events", ["record_code"])
    op.create_index("ix_acks_event_id", "acks", ["event_id"])


def _create_delivery() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("client", sa.String(16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("adapter", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("fed_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.CheckConstraint("adapter IN ('webhook', 'portal')", name=op.f("ck_endpoints_adapter")),
        sa.CheckConstraint("state IN ('active', 'disabled')", name=op.f("ck_endpoints_state")),
        sa.ForeignKeyConstraint(["client"], ["access_keys.id"], name=op.f("fk_endpoints_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _id, nullable=False),
        sa.Column("endpoint", sa.String(16), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("record_code", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner", sa.String(128), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("next_attempt_at", sa.Double(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'delivered', 'dead')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(["endpoint"], ["endpoints.id"], name=op.f("fk_deliveries_endpoint")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_deliveries_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("endpoint", "event_id", name=op.f("uq_deliveries_endpoint_event_id")),
    )
    op.create_index("ix_deliveries_record", "deliveries", ["endpoint", "record_code"])
    for name, columns, where in (
        ("ix_deliveries_due", ["endpoint", "next_attempt_at", "sequence"], _QUEUED),
        ("ix_deliveries_open", ["endpoint", "record_code", "sequence"], _OPEN),
        ("ix_deliveries_running", ["endpoint", "lease_until"], _RUNNING),
    ):
        op.create_index(name, "deliveries", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "file_links",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("rendition_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("client", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["rendition_id"], ["renditions.id"], name=op.f("fk_file_links_rendition_id")),
        sa.ForeignKeyConstraint(["client"], ["access_keys.id"], name=op.f("fk_file_links_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_links")),
    )
    op.create_index("ix_file_links_rendition", "file_links", ["rendition_id", "client"])


def _create_milestones() -> None:
    op.create_table(
        "milestones",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("record_code", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("occurred_at", sa.Double(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=True),
        sa.Column("place", sa.String(64), nullable=True),
        sa.Column("procedure_code", sa.String(64), nullable=True),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("corrects", sa.String(64), nullable=True),
        sa.Column("reported_by", sa.String(128), nullable=False),
        sa.Column("reported_at", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('received', 'supplement_asked', 'handed_over', 'result_issued', 'posted', "
            "'delivered', 'delivery_failed')",
            name=op.f("ck_milestones_kind"),
        ),
        sa.CheckConstraint("channel IN (1, 2, 3)", name=op.f("ck_milestones_channel")),
        sa.ForeignKeyConstraint(["record_code"], ["records.code"], name=op.f("fk_milestones_record_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
    )
    op.create_index("ix_milestones_record_code", "milestones", ["record_code"])
    op.create_table(
        "record_histories",
        sa.Column("record_code", sa.String(64), nullable=False),
        sa.Column("agency", sa.String(64), nullable=False),
        sa.Column("procedure_code", sa.String(64), nullable=True),
        sa.Column("office", sa.String(64), nullable=True),
        sa.Column("channel", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.Double(), nullable=True),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("handed_over_at", sa.Double(), nullable=True),
        sa.Column("result_at", sa.Double(), nullable=True),
        sa.Column("timeliness", sa.String(8), nullable=True),
        sa.Column("posted_at", sa.Double(), nullable=True),
        sa.Column("returned_at", sa.Double(), nullable=True),
        sa.Column("return_channel", sa.Integer(), nullable=True),
        sa.Column("return_office", sa.String(64), nullable=True),
        sa.Column("failed_deliveries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("supplements", sa.Integer(), server_default="0", nullable=False),
        sa.Column("digitised_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "timeliness IN ('early', 'on_time', 'late')", name=op.f("ck_record_histories_timeliness")
        ),
        sa.ForeignKeyConstraint(
            ["record_code"], ["records.code"], name=op.f("fk_record_histories_record_code")
        ),
        sa.PrimaryKeyConstraint("record_code", name=op.f("pk_record_histories")),
    )
    for column in ("received_at", "result_at", "returned_at"):
        op.create_index(f"ix_record_histories_{column}", "record_histories", [column])


def _count() -> None:
    """The first completion is known by its event; pages are those of now."""
    op.execute(
        "UPDATE dossiers SET first_completed_at = (SELECT min(events.created_at) FROM events "
        "WHERE events.dossier_id = dossiers.id), page_total = (SELECT count(*) FROM pages JOIN documents "
        "ON documents.id = pages.document_id WHERE documents.dossier_id = dossiers.id AND pages.is_current), "
        "rescans = (SELECT count(*) FROM pages JOIN documents ON documents.id = pages.document_id "
        "WHERE documents.dossier_id = dossiers.id AND pages.is_current AND pages.revision > 1) "
        "WHERE completions > 0"
    )
    agency = _AGENCY[op.get_context().dialect.name]
    op.execute(
        "INSERT INTO record_histories (record_code, agency, procedure_code, office, channel, received_at, "  # noqa: S608
        f"digitised_at) SELECT record_code, {agency}, min(procedure_code), min(office), 3, "
        "min(submitted_at), min(CASE WHEN page_total > 0 THEN first_completed_at END) FROM dossiers "
        "WHERE kind = 'intake' AND state <> 'open' GROUP BY record_code"
    )
