"""Alembic's revisions of the ledger; run by `pipeline.ledger.database`, or by hand with alembic."""
