"""The account's book: all that this host ever bought with one key, over all tables."""
