"""Jobs that wait are found in the order they are given out in; hints under way are counted by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_QUEUED = sa.text("state = 'queued'")


def upgrade() -> None:
    """Two indexes of the queued jobs alone in place of one of all jobs."""
    for name, columns in (
        ("ix_jobs_waiting", ["kind", "priority", "created_at", "document_id", "page_id"]),
        ("ix_jobs_hinted", ["kind", "hinted_at"]),
    ):
        op.create_index(name, "jobs", columns, sqlite_where=_QUEUED, postgresql_where=_QUEUED)
    op.drop_index("ix_jobs_due", "jobs")


def downgrade() -> None:
    """The index of all jobs again."""
    op.create_index("ix_jobs_due", "jobs", ["state", "kind", "priority", "next_attempt_at"])
    op.drop_index("ix_jobs_hinted", "jobs")
    op.drop_index("ix_jobs_waiting", "jobs")
