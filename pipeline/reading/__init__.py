"""A page gets text: the engine port and its engines."""
