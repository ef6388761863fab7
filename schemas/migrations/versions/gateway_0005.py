"""The gateway: whose a dossier is, what the fast look saw, keys, acknowledgements; the procedures by post."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Dossiers handed in on the server's own command line belong to no station."""
    op.add_column("dossiers", sa.Column("opened_at", sa.Double(), nullable=True))
    op.create_index("ix_dossiers_station", "dossiers", ["office", "station"], unique=False)
    op.add_column("documents", sa.Column("not_digitised", sa.String(length=16), nullable=True))
    op.create_table(
        "procedures",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("effective_from", sa.String(length=10), nullable=False),
        sa.Column("effective_to", sa.String(length=10), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code", "effective_from", name=op.f("pk_procedures")),
    )
    op.create_table(
        "fast_looks",
        sa.Column("page_id", _id, nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reasons", _json, nullable=False),
        sa.Column("p_unreadable", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name=op.f("fk_fast_looks_page_id")),
        sa.PrimaryKeyConstraint("page_id", name=op.f("pk_fast_looks")),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("office", sa.String(length=32), nullable=True),
        sa.Column("station", sa.String(length=32), nullable=True),
        sa.Column("agencies", _json, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "role IN ('station', 'onestop', 'operator', 'supervisor')", name=op.f("ck_access_keys_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("dossier_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["dossier_id"], ["dossiers.id"], name=op.f("fk_idempotency_keys_dossier_id")),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "acks",
        sa.Column("client", sa.String(length=16), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("rendition", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("acked_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["access_keys.id"], name=op.f("fk_acks_client")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_acks_event_id")),
        sa.PrimaryKeyConstraint("client", "event_id", "ordinal", name=op.f("pk_acks")),
    )
    op.create_index("ix_acks_event_id", "acks", ["event_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    for table in ("procedures", "acks", "idempotency_keys", "access_keys", "fast_looks"):
        op.drop_table(table)
    op.drop_column("documents", "not_digitised")
    op.drop_index("ix_dossiers_station", table_name="dossiers")
    op.drop_column("dossiers", "opened_at")
