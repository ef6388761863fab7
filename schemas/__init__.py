"""The words everyone speaks: data shapes, tables, settings, errors. No logic, no I/O."""
