"""Measurements against peers and floors, never part of the tests."""
