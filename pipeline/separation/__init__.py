"""Sheets that part a stack of papers: printed, found on scanned pages, and made into a plan."""
