"""How a run behaves where nobody wished for anything, and that it stays so."""

import inspect
from dataclasses import FrozenInstanceError

import pytest

from batch.core.gateway import START_TIMEOUT
from batch.core.money import Money
from batch.dispatch.settings import Settings
from batch.fal.client import FalGateway


def settings() -> Settings:
    return Settings(now=lambda: 0.0, rand=lambda: 0.5, typical_seconds=300.0, group_of=lambda arguments: "")


def test_a_run_without_wishes_has_no_cap_and_no_end() -> None:
    """Any price may be bought at any time, also one that is not known; a row is tried three times."""
    plain = settings()
    assert plain.budget.reached(None, Money(spent=10**12, under_way=10**12)) is None
    assert plain.deadline == float("inf")
    assert plain.options.limit is None
    assert plain.retry.tries == 3


def test_clock_and_chance_have_to_be_given() -> None:
    """No run takes them from this machine behind its caller's back."""
    with pytest.raises(TypeError, match=r"now.*rand"):
        Settings(typical_seconds=300.0, group_of=lambda arguments: "")  # type: ignore[call-arg]


def test_nothing_about_a_run_changes_while_it_goes() -> None:
    """Nobody who is handed the settings can move a deadline."""
    with pytest.raises(FrozenInstanceError):
        settings().deadline = 0.0  # type: ignore[misc]


def test_the_start_deadline_is_the_one_that_the_gateway_sends() -> None:
    """An absence is proven by it: with a longer one at fal, a request could run after its absence was proven."""
    sent = inspect.signature(FalGateway.submit).parameters["start_timeout"].default
    assert settings().start_timeout == START_TIMEOUT == sent
