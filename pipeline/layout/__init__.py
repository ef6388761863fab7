"""Where the print of a page stands, and in which order a person reads it."""
