"""Requests of ours in the order of their intents, held against fal's records."""

from math import inf

import pytest

from batch.core.equality import Equality
from batch.core.gateway import ListedRequest
from batch.core.row import InDoubtRow, KnownRequest
from batch.reconcile.timeline import CLOCK_SKEW, POST_SECONDS, Timeline

SENT = {"prompt": "a kite"}
EQUALITY = Equality({"prompt": None})
DOUBT = InDoubtRow(7, {"prompt": "a boat"}, 1000.0, 10)


def timeline(*requests: tuple[int, float, float | None, bool]) -> Timeline:
    """Of requests of ours: order, intent, when fal's records say that it was sent (None: not listed), and ended."""
    own = {f"r{order}": KnownRequest(SENT, intent, order) for order, intent, _, _ in requests}
    listed = [ListedRequest(f"r{order}", at, ended, SENT) for order, _, at, ended in requests if at is not None]
    return Timeline.of(listed, own, {}, EQUALITY)


LATER = ((11, 2000.0, 2001.0, True), (12, 2100.0, 2101.0, True))


def test_two_later_ones_that_have_ended_tell_by_when_it_was_sent() -> None:
    """By the second at the latest; with one before it, no later than its intent and the clocks allow."""
    assert timeline(*LATER).sent_by(DOUBT) == 2101.0
    assert timeline((9, 900.0, 905.0, True), *LATER).sent_by(DOUBT) == 1005.0


@pytest.mark.parametrize(
    "requests",
    [
        LATER[:1],
        (LATER[0], (12, 2100.0, 2101.0, False)),
        ((11, 1000.0 + POST_SECONDS, 1121.0, True), LATER[1]),
        (*LATER[:1], (12, 2100.0, None, True), (13, 2200.0, 2201.0, True)),
        ((9, 900.0, None, True), *LATER),
        ((11, 2000.0, 2001.0, True), (12, 2100.0, 2101.5 + CLOCK_SKEW, True)),
    ],
    ids=["one", "not ended", "sent in its time", "one missing", "the one before missing", "clocks apart"],
)
def test_witnesses_that_do_not_agree_tell_nothing(requests: tuple[tuple[int, float, float | None, bool], ...]) -> None:
    assert timeline(*requests).sent_by(DOUBT) == inf


def test_clocks_may_be_so_far_apart_and_no_further() -> None:
    apart = ((11, 2000.0, 2000.0, True), (12, 2100.0, 2100.0 + CLOCK_SKEW, True))
    assert timeline(*apart).sent_by(DOUBT) == 2100.0 + CLOCK_SKEW


def test_where_ours_before_it_are_not_known_nothing_is_told() -> None:
    """The row says that there was one."""
    assert timeline(*LATER).sent_by(InDoubtRow(7, {"prompt": "a boat"}, 1000.0, 10, after=900.0)) == inf


def test_a_record_with_other_arguments_is_no_record_of_ours() -> None:
    other = ListedRequest("r11", 2001.0, True, {"prompt": "a train"})
    shown = Timeline.of([other], {"r11": KnownRequest(SENT, 2000.0, 11)}, {}, EQUALITY)
    assert not shown.caught_up(DOUBT)
    by_digest = {"r11": KnownRequest(None, 2000.0, 11, EQUALITY.digest(SENT))}
    assert Timeline.of([ListedRequest("r11", 2001.0, True, SENT)], by_digest, {}, EQUALITY).caught_up(DOUBT)


@pytest.mark.parametrize(("apart", "shown"), [(0.0, False), (420.0, False), (421.0, True), (-421.0, True)])
def test_all_of_its_time_are_shown_or_not(apart: float, shown: bool) -> None:
    assert timeline((11, 1000.0 + apart, None, True)).shows_all(DOUBT) is shown


def test_the_clocks_went_as_its_neighbours_say() -> None:
    assert timeline((9, 900.0, 905.0, True), *LATER).offsets(DOUBT) == [5.0, 1.0]
    assert timeline().offsets(DOUBT) == []


@pytest.mark.parametrize(
    ("told", "now", "clock"), [(5000.0, 4000.0, 4001.0), (3000.0, 4000.0, 3000.0), (None, 4e3, -inf)]
)
def test_fals_clock_is_no_later_than_ours_shows(told: float | None, now: float, clock: float) -> None:
    """A lone header of a date far ahead proves nothing, and none at all neither."""
    assert timeline(*LATER).now(DOUBT, told, now) == clock


def test_what_is_known_without_its_input_matches_no_record() -> None:
    """Neither its arguments nor their digest are known."""
    own = {"r11": KnownRequest(None, 2000.0, 11)}
    assert not Timeline.of([ListedRequest("r11", 2001.0, True, SENT)], own, {}, EQUALITY).caught_up(DOUBT)
