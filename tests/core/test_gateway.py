"""The seam to the service: the answers that are drawn are the answers that can be given, by whoever plays it."""

import dataclasses
from typing import get_args, get_type_hints

import pytest

from batch.core import gateway
from batch.core.gateway import Gateway, UnitPrice
from batch.fal.client import FalGateway
from tests.support.protocols import methods, signature
from tests.support.simulated import Service

DRAWN = {
    asked.strip(): {one.strip() for one in answers.split("|")}
    for asked, arrow, answers in (line.partition("→") for line in (gateway.__doc__ or "").splitlines())
    if arrow
}
"""Question → its answers, as the module's docstring draws them."""


@pytest.mark.parametrize("player", [FalGateway, Service])
@pytest.mark.parametrize("name", methods(Gateway))
def test_whoever_plays_the_service_has_every_method_as_it_is_asked_for(player: type, name: str) -> None:
    """Same parameters in the same order, same types and answers, awaited alike: a simulated night asks what fal is."""
    assert signature(getattr(player, name)) == signature(methods(Gateway)[name])


def test_the_answers_of_each_question_are_those_that_are_drawn() -> None:
    """A closed set each: a new answer has to be drawn, and a question without answers is none."""
    asked = {name: get_type_hints(method)["return"] for name, method in methods(Gateway).items()}
    built = asked.pop("built_receipt")
    assert built is gateway.Receipt
    assert {name: {answer.__name__ for answer in get_args(answers)} for name, answers in asked.items()} == DRAWN


def test_no_answer_is_an_exception_and_none_can_be_changed() -> None:
    """An answer is data: it is matched, kept and compared."""
    answers = [getattr(gateway, name) for names in DRAWN.values() for name in names]
    assert len(set(answers)) > 10
    for one in answers:
        assert not issubclass(one, BaseException)
        assert one.__dataclass_params__.frozen
        assert {field.name for field in dataclasses.fields(one)} == set(one.__slots__)


def test_a_price_is_exact() -> None:
    """A decimal, no float: it decides what is bought."""
    assert get_type_hints(UnitPrice)["amount"].__name__ == "Decimal"
