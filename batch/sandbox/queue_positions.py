"""Keeps the numbers of the waiting requests in order: which is next, and how many are before one."""

from bisect import bisect_left, insort


class QueuePositions:
    """The numbers of the waiting requests in order; neither taking the next nor finding a position walks them all."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._head = 0

    def __len__(self) -> int:
        return len(self._numbers) - self._head

    def add(self, number: int) -> None:
        insort(self._numbers, number, lo=self._head)

    def take(self) -> int:
        number = self._numbers[self._head]
        self._head += 1
        if self._head > 1000 and self._head * 2 > len(self._numbers):
            del self._numbers[: self._head]
            self._head = 0
        return number

    def position(self, number: int) -> int:
        return bisect_left(self._numbers, number, lo=self._head) - self._head

    def remove(self, number: int) -> None:
        if self._numbers[self._head] == number:
            self.take()
        else:
            del self._numbers[self._head + self.position(number)]

    def discard(self, number: int) -> None:
        """It is not among them afterwards, whether it was before or not."""
        at = self._head + self.position(number)
        if self._numbers[at : at + 1] == [number]:
            self.remove(number)
