"""Alembic's environment: migrates the connection it is handed, or prints SQL for a URL (`--sql`)."""

from alembic import context

import schemas.onestop_tables  # noqa: F401 -- they are in the same metadata
from schemas.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(
        url=context.config.get_main_option("sqlalchemy.url"), target_metadata=metadata, literal_binds=True
    )
else:
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True
    )
with context.begin_transaction():
    context.run_migrations()
