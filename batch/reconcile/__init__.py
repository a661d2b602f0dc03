"""Rows in doubt held against fal's request history: what it proves, and how often it is asked."""
