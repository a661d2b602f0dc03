"""How much may be spent: decided before every submit, counting what may be paid for without a result yet.

Money is in millionths of a dollar.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """What a ledger's rows have spent, and the price of what is submitted or in doubt."""

    spent: int = 0
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps on one run and on the ledger's whole life; None: no cap.

    Args:
        spent_before: what earlier runs have spent. What they left under way counts for this run.
    """

    run: int | None = None
    total: int | None = None
    spent_before: int = 0

    @property
    def capped(self) -> bool:
        return self.run is not None or self.total is not None

    def allows(self, price: int | None, money: Money) -> bool:
        """Whether a request of this price may be submitted; one of unknown price never, where there is a cap."""
        if not self.capped:
            return True
        if price is None:
            return False
        committed = money.spent + money.under_way + price
        in_run = committed - self.spent_before
        return (self.run is None or in_run <= self.run) and (self.total is None or committed <= self.total)
