"""Invented Vietnamese administrative papers and what scanners do to them: for demo, bench and tests."""
