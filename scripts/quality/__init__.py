"""The labelled pages that the verdict is fitted to and measured on, and the scripts that do both."""
