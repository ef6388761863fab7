"""One searchable, signed PDF/A per document, and its verification."""
