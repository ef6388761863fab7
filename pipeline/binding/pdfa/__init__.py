"""The rules of ISO 19005-2 level U that can apply to files of ours, a module a chapter of the standard."""
