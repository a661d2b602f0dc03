"""Tables with ledgers, for every test here."""

from tests.support.sheets import make

__all__ = ["make"]
