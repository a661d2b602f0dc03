"""Replaces files whole or not at all, and makes that durable."""
