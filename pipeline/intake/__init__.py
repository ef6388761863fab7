"""A file comes in, guarded: sniffed by content, decoded under limits in a child process."""
