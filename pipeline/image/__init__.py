"""Upright, straight, evenly lit: the image steps."""
