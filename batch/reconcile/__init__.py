"""Rows in doubt held against fal's own records."""
