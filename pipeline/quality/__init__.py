"""Can the page be read? Verdicts with reasons."""
