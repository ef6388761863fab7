"""What dossier checks compare: a trace a page, and how many pages a paper was declared to have."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; pages that were read before have no trace and are compared with nothing."""
    trace = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("pages", sa.Column("trace", trace, nullable=True))
    op.add_column("documents", sa.Column("declared_pages", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("documents", "declared_pages")
    op.drop_column("pages", "trace")
