"""The report: one HTML page beside the table with every shot, its videos, and what to do next."""
