"""Levels of signatures: what each rendition has and was to have; and jobs that wait for a service outside."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add all three; of renditions made before it is not told which level they have."""
    op.add_column("renditions", sa.Column("level", sa.String(length=8), nullable=True))
    op.add_column("renditions", sa.Column("level_asked", sa.String(length=8), nullable=True))
    op.add_column("jobs", sa.Column("waiting_since", sa.Double(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("jobs", "waiting_since")
    op.drop_column("renditions", "level_asked")
    op.drop_column("renditions", "level")
