"""The object store port and its stores."""
