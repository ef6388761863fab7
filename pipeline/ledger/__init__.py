"""The database that owns the truth."""
