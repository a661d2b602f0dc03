"""Tables with ledgers, for every test here."""

from tests.support.shared_night import now
from tests.support.sheets import make

__all__ = ["make", "now"]
