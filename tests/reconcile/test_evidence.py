"""Rows in doubt, settled by fal's history: found, proven absent, or left alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.equality import Equality
from batch.core.gateway import ListedRequest, RequestHistory
from batch.core.row import InDoubtRow, KnownRequest
from batch.reconcile.evidence import (
    CLOCK_SECONDS,
    HISTORY_LAG,
    NEAR_SECONDS,
    TOGETHER_SECONDS,
    Verdicts,
    earliest,
    provable_at,
    reconcile,
    strangers,
)
from batch.reconcile.timeline import CLOCK_SKEW, POST_SECONDS

HOUR = 3600.0
START = HOUR
SHOT = {"prompt": "a boat", "image_url": "https://example.com/a.png"}
OTHER = {"prompt": "a kite", "image_url": "https://example.com/b.png"}
DEFAULTS: dict[str, Any] = {
    "prompt": None,
    "image_url": None,
    "tail_image_url": None,
    "duration": "5",
    "negative_prompt": "blur, distort, and low quality",
    "cfg_scale": 0.5,
}
DOUBT = InDoubtRow(7, SHOT, 1000.0, 1)
LATE = provable_at(2100.0, START) + 1
"""Late enough, by both clocks: the second later request is all that tells when the one in doubt was sent."""

Known = dict[str, KnownRequest]
Records = list[ListedRequest]


def listed(name: str, at: float, given_: dict[str, Any] | None = None, ended: bool = True) -> ListedRequest:
    return ListedRequest(name, at, ended, SHOT if given_ is None else given_)


def settled(
    rows: list[InDoubtRow],
    records: Records,
    own: Known | None = None,
    now: float = 1010.0,
    *,
    told: float | None = -1.0,
    sent: Known | None = None,
    others: bool = False,
) -> Verdicts:
    """The verdicts at a time by our clock; fal's tells the same, unless it is told otherwise."""
    history = RequestHistory(records, now if told == -1.0 else told, DEFAULTS)
    return reconcile(rows, history, own or {}, sent or {}, now, START, others=others)


def witnesses(*offsets: float) -> tuple[Records, Known]:
    """Two requests of ours that were sent later and have ended: the history has caught up."""
    one, two = offsets or (1.0, 1.0)
    records = [listed("w1", 1999.0 + one, OTHER), listed("w2", 2099.0 + two, OTHER)]
    return records, {"w1": KnownRequest(OTHER, 1999.0, 2), "w2": KnownRequest(OTHER, 2099.0, 3)}


# Found


def test_a_request_with_our_arguments_in_our_time_is_ours() -> None:
    """What fal fills in is what it takes by default; keys that the job does not know tell nothing."""
    record = listed("r1", 1002.0, {**SHOT, "duration": "5", "cfg_scale": 0.5, "seed": 17})
    assert settled([DOUBT], [record]).found == {7: "r1"}


@pytest.mark.parametrize(
    "version",
    [
        {"tail_image_url": "https://example.com/z.png"},
        {"duration": "10"},
        {"cfg_scale": 0.7},
        {"negative_prompt": "rain"},
        {"prompt": "a kite"},
    ],
)
def test_another_version_of_the_shot_is_not_ours(version: dict[str, Any]) -> None:
    """A key that one of the two does not have means fal's default: whole arguments are compared, both ways round."""
    assert settled([DOUBT], [listed("r1", 1002.0, {**SHOT, **version})]).found == {}
    doubt = replace(DOUBT, sent={**SHOT, **version})
    assert settled([doubt], [listed("r1", 1002.0)]).found == {}
    assert settled([doubt], [listed("r1", 1002.0, {**SHOT, **version})]).found == {7: "r1"}


def test_texts_are_compared_in_one_unicode_form() -> None:
    """A service may keep a prompt composed that was sent decomposed, with its line ends as it likes them."""
    doubt = replace(DOUBT, sent={**SHOT, "prompt": "Cafe\u0301 am\r\nMeer"})
    assert settled([doubt], [listed("r1", 1002.0, {**SHOT, "prompt": "Café am\nMeer"})]).found == {7: "r1"}


def test_a_line_end_is_a_line_end() -> None:
    """Of each of the three kinds."""
    doubt = replace(DOUBT, sent={**SHOT, "prompt": "a\rb\r\nc"})
    assert settled([doubt], [listed("r1", 1002.0, {**SHOT, "prompt": "a\nb\nc"})]).found == {7: "r1"}


@pytest.mark.parametrize(
    ("sent", "kept", "equal"),
    [(1, 1.0, True), (0.5, 0.5, True), (1, 0, False), (True, 1, False), (True, True, True), ([1, 2], [1, 2], True)],
)
def test_numbers_are_compared_by_value_and_nothing_else_is_a_number(sent: Any, kept: Any, equal: bool) -> None:
    """JSON has no whole numbers of its own: 1 may come back as 1.0; a yes is no 1."""
    doubt = replace(DOUBT, sent={**SHOT, "cfg_scale": sent})
    found = settled([doubt], [listed("r1", 1002.0, {**SHOT, "cfg_scale": kept})]).found
    assert found == ({7: "r1"} if equal else {})


def test_a_job_that_is_not_known_is_compared_by_all_that_was_sent() -> None:
    """No defaults: another prompt is another request, and no key is fal's own addition."""
    for record, found in ((SHOT, {7: "r1"}), (OTHER, {}), ({**SHOT, "seed": 17}, {})):
        history = RequestHistory([listed("r1", 1002.0, record)], 1010.0, {})
        assert reconcile([DOUBT], history, {}, {}, 1010.0, START).found == found


@pytest.mark.parametrize(
    ("at", "ours"),
    [
        (1000.0 - CLOCK_SKEW - 1, False),
        (1000.0 - CLOCK_SKEW, True),
        (1000.0 + CLOCK_SKEW + POST_SECONDS, True),
        (1000.0 + CLOCK_SKEW + POST_SECONDS + 1, False),
    ],
)
def test_its_time_is_as_long_as_a_post_takes_and_as_wide_as_clocks_may_be_apart(at: float, ours: bool) -> None:
    """Both ends included; a later request of ours is shown, so the history has caught up."""
    records, own = witnesses()
    assert settled([DOUBT], [*records, listed("r1", at)], own, 3000.0).found == ({7: "r1"} if ours else {})


def test_different_rows_are_settled_side_by_side() -> None:
    """Each by the requests of its kind: what is found of one does not hide what is found, or open, of another."""
    kite = InDoubtRow(8, OTHER, 1000.0, 2)
    one_each = [listed("r1", 1002.0), listed("k1", 1002.0, OTHER)]
    assert settled([DOUBT, kite], one_each).found == {7: "r1", 8: "k1"}
    two_each = [*one_each, listed("r2", 1003.0), listed("k2", 1003.0, OTHER)]
    assert settled([DOUBT, kite], two_each).candidates == {7: ["r1", "r2"], 8: ["k1", "k2"]}


def test_a_row_that_was_found_has_no_candidates() -> None:
    """Also where a twin of it stays open, and a request is left over that was not sent in the twin's time."""
    twins = [InDoubtRow(1, SHOT, 1000.0, 2), InDoubtRow(2, SHOT, 500.0, 1)]
    records, own = witnesses()
    verdicts = settled(twins, [*records, listed("r1", 999.0), listed("r2", 950.0)], own, 3000.0)
    assert verdicts.found == {1: "r1"}
    assert verdicts.candidates == {2: ["r2"]}


def test_candidates_are_named_by_nearness_on_either_side() -> None:
    """One that came before it by fal's clock is no nearer for that."""
    records = [listed("before", 800.0), listed("at", 1001.0), listed("after", 1100.0)]
    assert settled([DOUBT], records, now=1200.0).candidates == {7: ["at", "after", "before"]}


def test_a_request_that_is_already_a_rows_own_is_not_found_again() -> None:
    """Two rows never share a request."""
    assert settled([DOUBT], [listed("r1", 1002.0)], {"r1": KnownRequest(SHOT, 1001.0, 2)}).found == {}


def test_a_request_of_another_time_is_not_ours() -> None:
    """The same shot, sent last week, is last week's."""
    doubt = replace(DOUBT, intent_at=100_000.0)
    assert settled([doubt], [listed("r1", 1002.0), listed("r2", 200_000.0)], now=200_001.0).found == {}


def test_identical_rows_are_found_by_count() -> None:
    """Three rows in doubt and two requests: two rows are found, one stays open."""
    doubts = [InDoubtRow(row, SHOT, 1000.0 + row, row) for row in range(3)]
    verdicts = settled(doubts, [listed("r1", 1002.0), listed("r2", 1003.0)])
    assert sorted(verdicts.found.values()) == ["r1", "r2"]
    assert len(verdicts.found) == 2
    assert verdicts.absent == []


def test_each_request_goes_to_the_row_that_it_is_nearest_to() -> None:
    """The first of two twins was lost before it arrived: the request of the second is the second's."""
    twins = [InDoubtRow(1, SHOT, 1000.0, 1), InDoubtRow(2, SHOT, 1300.0, 2)]
    assert settled(twins, [listed("r1", 1301.0)], now=1400.0).found == {2: "r1"}


def test_more_equal_requests_than_rows_are_left_to_a_person() -> None:
    """One of them is somebody else's, and nobody here can tell which: the nearest is named first."""
    verdicts = settled([DOUBT], [listed("far", 1200.0), listed("near", 1001.0)])
    assert verdicts.found == {}
    assert verdicts.candidates == {7: ["near", "far"]}


def test_as_many_equal_requests_as_rows_are_taken() -> None:
    """The boundary of the rule before."""
    twins = [DOUBT, replace(DOUBT, row=8, order=1)]
    records, own = witnesses()
    verdicts = settled(twins, [*records, listed("far", 1200.0), listed("near", 1001.0)], own, 3000.0)
    assert sorted(verdicts.found.values()) == ["far", "near"]
    assert verdicts.candidates == {}


def test_nothing_is_taken_while_an_equal_reply_is_waited_for() -> None:
    """The listed request may be that one's; so may it be that of a table beside, whose row is in doubt too."""
    open_ = InDoubtRow(8, SHOT, 1001.0, 2, open_elsewhere=True)
    assert settled([DOUBT, open_], [listed("r1", 1002.0)]).found == {}
    assert settled([DOUBT, open_], [listed("r1", 1002.0)]).candidates == {7: ["r1"]}
    assert settled([DOUBT, replace(open_, sent=OTHER)], [listed("r1", 1002.0)]).found == {7: "r1"}


def test_what_is_open_elsewhere_is_settled_elsewhere() -> None:
    """Neither found nor called absent here."""
    records, own = witnesses()
    assert settled([replace(DOUBT, open_elsewhere=True)], records, own, LATE) == Verdicts()


def test_a_clock_that_is_an_hour_off_is_noticed_by_what_is_known() -> None:
    """fal's times are read by the requests that both sides know."""
    records, own = witnesses(HOUR, HOUR)
    assert settled([DOUBT], [*records, listed("r1", 1002.0 + HOUR)], own).found == {7: "r1"}


# Found, where others may ask for the same


@pytest.mark.parametrize(
    ("apart", "offsets", "taken"),
    [
        (NEAR_SECONDS, (0.0, 0.0), True),
        (NEAR_SECONDS + 0.5, (0.0, 0.0), False),
        (-NEAR_SECONDS, (0.0, 0.0), True),
        (-NEAR_SECONDS - 0.5, (0.0, 0.0), False),
        (200.0 + NEAR_SECONDS, (200.0, 200.0), True),
        (0.0, (200.0, 200.0), False),
        (0.0, (0.0, 200.0), True),
        (200.0, (0.0, 200.0), True),
    ],
)
def test_one_of_the_rows_own_moment_is_taken_at_once(apart: float, offsets: tuple[float, float], taken: bool) -> None:
    """By the clocks of the requests beside it: nothing later has ended yet."""
    records = [listed("b", 900.0 + offsets[0], OTHER), listed("l", 1100.0 + offsets[1], OTHER, ended=False)]
    own = {"b": KnownRequest(OTHER, 900.0, 0), "l": KnownRequest(OTHER, 1100.0, 2)}
    verdicts = settled([DOUBT], [*records, listed("r1", 1000.0 + apart)], own, 1200.0)
    assert verdicts.found == ({7: "r1"} if taken else {})
    assert verdicts.candidates == ({} if taken else {7: ["r1"]})


@pytest.mark.parametrize(
    ("apart", "told", "taken"),
    [
        (NEAR_SECONDS, 1010.0, True),
        (NEAR_SECONDS + 0.5, 1010.0, False),
        (-CLOCK_SECONDS, 1010.0, True),
        (-CLOCK_SECONDS - 0.5, 1010.0, False),
        (100.0 - CLOCK_SECONDS, 1110.0, True),
        (0.0, 1110.0, False),
        (0.0, None, False),
    ],
)
def test_without_any_request_that_tells_fals_own_clock_tells_the_moment(
    apart: float, told: float | None, taken: bool
) -> None:
    """In whole seconds; what was sent before its intent by more than that is somebody else's."""
    assert settled([DOUBT], [listed("r1", 1000.0 + apart)], told=told).found == ({7: "r1"} if taken else {})


@pytest.mark.parametrize(("heard_at", "taken"), [(None, False), (1010.0, True), (1020.0, False)])
def test_fals_clock_counts_as_of_when_it_was_told(heard_at: float | None, taken: bool) -> None:
    """A history of many pages is read for minutes after that."""
    history = RequestHistory([listed("r1", 1000.0)], 1010.0, DEFAULTS, heard_at=heard_at)
    assert reconcile([DOUBT], history, {}, {}, 1100.0, START).found == ({7: "r1"} if taken else {})


@pytest.mark.parametrize(
    ("lost_at", "apart", "taken"),
    [
        (1001.0, 1.0 + CLOCK_SECONDS, True),
        (1001.0, 1.5 + CLOCK_SECONDS, False),
        (1000.0, CLOCK_SECONDS, True),
        (1000.0, CLOCK_SECONDS + 0.5, False),
        (1060.0, NEAR_SECONDS, True),
        (1060.0, NEAR_SECONDS + 0.5, False),
        (999.0, NEAR_SECONDS, True),
        (None, NEAR_SECONDS, True),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_what_was_sent_after_its_reply_was_given_up_is_somebody_elses(
    lost_at: float | None, apart: float, taken: bool, beside: bool
) -> None:
    """By either clock; one that was set back meanwhile says nothing."""
    records = [listed("b", 900.0, OTHER), listed("r1", 1000.0 + apart)]
    own = {"b": KnownRequest(OTHER, 900.0, 0)} if beside else {}
    verdicts = settled([replace(DOUBT, lost_at=lost_at)], records[not beside :], own)
    assert verdicts.found == ({7: "r1"} if taken else {})


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (1000.0 + TOGETHER_SECONDS, {}),
        (1000.0 - TOGETHER_SECONDS, {}),
        (1000.5 + TOGETHER_SECONDS, {8: "k1"}),
        (999.5 - TOGETHER_SECONDS, {8: "k1"}),
        (None, {7: "r1", 8: "k1"}),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_one_request_too_many_of_a_kind_tells_of_others_who_may_ask_for_the_rest(
    second: float | None, found: dict[int, str], beside: bool
) -> None:
    """Two requests for one row at its moment: somebody began with us, and the other row's may be theirs as well."""
    rows = [DOUBT, InDoubtRow(8, OTHER, 1000.0, 2)]
    records = [listed("r1", 1000.0), listed("k1", 1000.0, OTHER)]
    records += [] if second is None else [listed("r2", second)]
    train = {"prompt": "a train"}
    records += [listed("t", 990.0, train)] if beside else []
    own = {"t": KnownRequest(train, 990.0, 0)} if beside else {}
    assert settled(rows, records, own, now=LATE).found == found
    if second is not None:
        assert settled(rows, records, own, now=provable_at(1000.0, START)).found == {}


@pytest.mark.parametrize(("at", "taken"), [(1000.0, False), (1000.0 + 420.0, False), (1000.0 + 421.0, True)])
def test_nothing_is_taken_while_one_of_ours_of_its_time_is_not_shown(at: float, taken: bool) -> None:
    """It has made its video and is not listed yet: nor may ours be, and the one that is another's."""
    missing = {"m": KnownRequest(OTHER, at, 3)}
    verdicts = settled([DOUBT], [listed("r1", 1001.0)], sent=missing)
    assert verdicts.found == ({7: "r1"} if taken else {})


def test_what_is_missing_for_hours_holds_up_nothing_any_more() -> None:
    """A history has not been later than that."""
    missing = {"m": KnownRequest(OTHER, 1000.0, 3)}
    moment = provable_at(1000.0, START)
    for now, found in ((moment, {}), (moment + 0.5, {7: "r1"})):
        assert settled([DOUBT], [listed("r1", 1001.0)], now=now, sent=missing).found == found
    assert settled([DOUBT], [listed("r1", 1001.0)], now=moment + 1, told=moment, sent=missing).found == {}
    assert settled([DOUBT], [listed("r1", 1001.0)], now=moment, told=moment + 1, sent=missing).found == {}


def test_one_of_another_moment_is_taken_once_later_ones_of_ours_are_shown() -> None:
    """A POST that was long on its way; alone it may be another's that is only listed first."""
    records, own = witnesses()
    assert settled([DOUBT], [listed("r1", 1100.0)], now=LATE).found == {}
    assert settled([DOUBT], [*records, listed("r1", 1100.0)], own, 2200.0).found == {7: "r1"}
    young = [replace(one, ended=False) for one in records]
    assert settled([DOUBT], [*young, listed("r1", 1100.0)], own, 2200.0).found == {}


def test_where_others_ask_for_the_same_one_is_taken_when_all_must_be_shown() -> None:
    """And only one of the row's own moment."""
    records, own = witnesses()
    near, far = listed("near", 1001.0), listed("far", 1100.0)
    early = provable_at(1000.0, START) - 1
    assert settled([DOUBT], [*records, near], own, early, others=True).found == {}
    assert settled([DOUBT], [*records, near], own, LATE, others=True).found == {7: "near"}
    assert settled([DOUBT], [*records, far], own, LATE, others=True).found == {}
    assert settled([DOUBT], [*records, far], own, LATE, others=True).candidates == {7: ["far"]}
    assert settled([DOUBT], [near], now=provable_at(1000.0, START) + 1, others=True).found == {7: "near"}


@pytest.mark.parametrize(
    ("at", "input_", "taken"),
    [
        (2000.0 - TOGETHER_SECONDS, OTHER, False),
        (2000.0 - TOGETHER_SECONDS - 0.5, OTHER, True),
        (2100.0 + TOGETHER_SECONDS, OTHER, False),
        (2100.0 + TOGETHER_SECONDS + 0.5, OTHER, True),
        (2000.0, {"prompt": "a train"}, True),
        (2000.0, None, True),
    ],
)
def test_where_others_ask_for_the_same_at_the_same_moments_a_person_knows(
    at: float, input_: dict[str, Any] | None, taken: bool
) -> None:
    """Two hosts began with one sheet at once: whose a request of the row's moment is, nobody can tell."""
    records, own = witnesses()
    twin = ListedRequest("t", at, True, input_)
    verdicts = settled([DOUBT], [*records, twin, listed("r1", 1001.0)], own, LATE, others=True)
    assert verdicts.found == ({7: "r1"} if taken else {})


def test_what_is_known_by_its_digest_is_known_with_its_endpoint() -> None:
    """As the account's book has it: the same arguments to another endpoint are another request."""
    equality = Equality(DEFAULTS, "an/endpoint")
    history = RequestHistory([listed("r1", 1000.0)], 1010.0, DEFAULTS, "an/endpoint")
    doubt = replace(DOUBT, sent={}, digest=equality.digest(SHOT))
    assert reconcile([doubt], history, {}, {}, 1010.0, START).found == {7: "r1"}
    assert strangers([doubt], history, {}) == []
    elsewhere = replace(doubt, digest=Equality(DEFAULTS, "another").digest(SHOT))
    assert reconcile([elsewhere], history, {}, {}, 1010.0, START).found == {}
    assert strangers([elsewhere], history, {}) == [*history.items]


def test_strangers_are_nobodys_here_and_no_doubts() -> None:
    """With those whose input is not shown."""
    hidden, ours, kite = ListedRequest("h", 1.0, True, None), listed("r1", 2.0), listed("k", 3.0, OTHER)
    history = RequestHistory([hidden, ours, kite, listed("own", 4.0, OTHER)], 5.0, DEFAULTS)
    assert strangers([DOUBT], history, {"own": KnownRequest()}) == [hidden, kite]
    by_digest = replace(DOUBT, sent={}, digest=Equality(DEFAULTS).digest(OTHER))
    assert strangers([by_digest], history, {}) == [hidden, ours]


# Proven absent


def test_absence_needs_the_start_deadline_the_lag_and_later_requests() -> None:
    """Any of them alone proves nothing."""
    records, own = witnesses()
    assert settled([DOUBT], records, own, LATE).absent == [7]
    assert settled([DOUBT], records, own, LATE - 2).absent == []
    assert settled([DOUBT], [], {}, LATE).absent == []


def test_a_request_is_absent_no_sooner_than_its_own_start_deadline_says() -> None:
    """Sent with a day instead of an hour: all that proves the absence of the other is too early for it."""
    records, own = witnesses()
    patient = replace(DOUBT, start_timeout=86_400.0)
    assert settled([patient], records, own, LATE).absent == []
    assert settled([patient], records, own, LATE + 86_400.0 - START - 2).absent == []
    assert settled([patient], records, own, LATE + 86_400.0 - START).absent == [7]


@pytest.mark.parametrize("deadline", [0.0, 1.0, HOUR, 10 * HOUR])
def test_absence_is_provable_once_nothing_can_start_any_more_and_the_history_cannot_be_late(deadline: float) -> None:
    """The way of the POST (two minutes), the start deadline, the lag of the history (three hours) and a minute."""
    assert provable_at(1000.0, deadline) == 1000.0 + 120 + deadline + 3 * HOUR + 60


def test_absence_is_proven_after_that_moment_and_not_at_it() -> None:
    """Here, by both clocks alike."""
    records, own = witnesses()
    moment = provable_at(2100.0, START)
    assert settled([DOUBT], records, own, moment).absent == []
    assert settled([DOUBT], records, own, moment + 0.001).absent == [7]


@pytest.mark.parametrize(
    ("gap", "proven"), [(-HOUR, []), (0.0, []), (POST_SECONDS, []), (POST_SECONDS + 0.5, [7]), (600.0, [7])]
)
def test_a_request_counts_as_later_once_the_post_before_it_has_arrived(gap: float, proven: list[int]) -> None:
    """Until then the two may have overtaken each other on the way, or the clock was set back between."""
    records, own = witnesses()
    records[0] = listed("w1", 1000.0 + gap + 1, OTHER)
    own["w1"] = KnownRequest(OTHER, 1000.0 + gap, 2)
    assert settled([DOUBT], records, own, LATE).absent == proven


def test_a_clock_that_was_moved_between_the_one_before_and_those_after_proves_nothing() -> None:
    """When the row was sent by fal's clock cannot be told then; a little apart is nothing."""
    for offset, proven in ((HOUR, []), (-HOUR, []), (1.0 + CLOCK_SKEW, [7])):
        records, own = witnesses()
        records.append(listed("before", 900.0 + offset, OTHER))
        own["before"] = KnownRequest(OTHER, 900.0, 0)
        assert settled([replace(DOUBT, after=900.0)], records, own, LATE + 2 * HOUR).absent == proven


def test_the_one_before_it_has_to_be_shown_as_it_was_sent() -> None:
    """A history that lacks it, or shows another text, may lack ours."""
    records, own = witnesses()
    before = {"before": KnownRequest(OTHER, 900.0, 0)}
    doubt = replace(DOUBT, after=900.0)
    assert settled([doubt], records, own, LATE + HOUR, sent=before).absent == []
    changed = [*records, listed("before", 901.0, {"prompt": "***"})]
    assert settled([doubt], changed, own | before, LATE + HOUR).absent == []


@pytest.mark.parametrize("missing", ["w1", "w2"])
def test_one_later_request_is_no_proof(missing: str) -> None:
    """A history that shows one may have shown it by chance: two are asked for."""
    records, own = witnesses()
    own.pop(missing)
    assert settled([DOUBT], [one for one in records if one.request_id != missing], own, LATE).absent == []


def test_a_clock_of_fals_that_runs_ahead_alone_is_no_proof() -> None:
    """Its `Date` says two hours later than ours has ever been apart from it."""
    records, own = witnesses()
    early = provable_at(2100.0, START) - 2 * HOUR
    assert settled([DOUBT], records, own, early, told=early + 3 * HOUR).absent == []


def test_a_clock_of_ours_that_runs_ahead_alone_is_no_proof() -> None:
    """It was set forward since: fal's does not agree."""
    records, own = witnesses()
    assert settled([DOUBT], records, own, LATE, told=LATE - 2 * HOUR).absent == []
    assert settled([DOUBT], records, own, LATE, told=None).absent == []


def test_a_record_from_the_far_future_moves_no_clock() -> None:
    """One foreign record dated 2099 is nobody's proof."""
    records, own = witnesses()
    future = listed("f", 4e9, {"prompt": "a train", "image_url": "https://example.com/t.png"})
    early = provable_at(2100.0, START) - HOUR
    assert settled([DOUBT], [*records, future], own, early).absent == []


def test_a_later_request_that_has_not_ended_is_no_proof() -> None:
    """The history may show starts before ends of what is older."""
    records, own = witnesses()
    records[1] = replace(records[1], ended=False)
    assert settled([DOUBT], records, own, LATE).absent == []


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("form", [None, {"prompt": "A KITE"}, {"prompt": "***"}, {**OTHER, "duration": "10"}])
def test_a_history_with_other_inputs_than_we_sent_proves_nothing(form: dict[str, Any] | None, at: int) -> None:
    """If fal rewrites, hides or hashes inputs, ours may be there and not be recognised."""
    records, own = witnesses()
    records[at] = replace(records[at], input=form)
    assert settled([DOUBT], records, own, LATE).absent == []


def test_a_request_of_ours_that_is_missing_forbids_the_proof() -> None:
    """It made its video, and is not listed: what lacks one may lack another."""
    records, own = witnesses()
    missing = {"m": KnownRequest(OTHER, 1500.0, 2)}
    own = {name: replace(known, order=known.order + 1) for name, known in own.items()}
    assert settled([DOUBT], records, own, LATE, sent=own).absent == [7]
    assert settled([DOUBT], records, own, LATE, sent=own | missing).absent == []


def test_a_request_after_the_witnesses_may_be_listed_later() -> None:
    """The youngest ones are always missing for a while."""
    records, own = witnesses()
    young = {"y": KnownRequest(OTHER, 2500.0, 9)}
    assert settled([DOUBT], records, own, LATE, sent=own | young).absent == [7]


@pytest.mark.parametrize("record", [OTHER, {"prompt": "a train"}, {"prompt": "9f86d081884c7d65"}, None])
def test_anybodys_request_in_its_time_forbids_the_proof(record: dict[str, Any] | None) -> None:
    """It may be ours, hashed or redacted: its arguments tell nothing then."""
    records, own = witnesses()
    near = ListedRequest("r1", 1001.0, True, record)
    assert settled([DOUBT], [*records, near], own, LATE).absent == []


def test_anybodys_other_request_of_another_time_forbids_nothing() -> None:
    """Another prompt with another image, sent by another program an hour later."""
    records, own = witnesses()
    stranger = listed("r1", 1001.0 + HOUR, {"prompt": "a train", "image_url": "https://example.com/c.png"})
    assert settled([DOUBT], [*records, stranger], own, LATE).absent == [7]


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": SHOT["prompt"], "image_url": "https://fal.media/stored.png"},
        {"prompt": SHOT["prompt"]},
        {"prompt": "a b", "image_url": "https://example.com/elsewhere.png"},
        {"prompt": "a b…", "image_url": "https://example.com/elsewhere.png"},
        {"prompt": "a [3 more characters]", "image_url": "https://example.com/elsewhere.png"},
        {"prompt": None, "image_url": "https://example.com/elsewhere.png"},
        {},
    ],
)
def test_a_record_of_any_time_that_may_be_the_request_forbids_the_proof(record: dict[str, Any]) -> None:
    """An image stored under another name, a long text cut short; its time may be as wrong as its input."""
    records, own = witnesses()
    assert settled([DOUBT], [*records, listed("r1", 1001.0 + HOUR, record)], own, LATE).absent == []


def test_a_record_without_input_forbids_the_proof_at_any_time() -> None:
    """It may be the request, and its time may be as wrong."""
    records, own = witnesses()
    hidden = ListedRequest("r1", 1001.0 + HOUR, True, None)
    assert settled([DOUBT], [*records, hidden], own, LATE).absent == []


@pytest.mark.parametrize(("value", "proven"), [("fog", [7]), ("rain", []), ("10", [7]), (0.5, [7]), (None, [7])])
def test_what_is_short_or_no_text_tells_nothing(value: Any, proven: list[int]) -> None:
    """A stranger's request of another time has the same duration; the same words, and it may be ours."""
    records, own = witnesses()
    doubt = replace(DOUBT, sent={**SHOT, "negative_prompt": value})
    stranger = {"prompt": "a train", "image_url": "https://example.com/c.png", "negative_prompt": value}
    assert settled([doubt], [*records, listed("r1", 1001.0 + HOUR, stranger)], own, LATE).absent == proven


def test_what_was_sent_before_is_no_later_request_whatever_the_clock_says() -> None:
    """The clock was set back between: by its time the requests before look like ones that were sent after."""
    records, own = witnesses()
    assert settled([replace(DOUBT, order=4)], records, own, LATE + HOUR).absent == []


def test_the_deadline_counts_from_the_latest_that_a_request_may_have_been_sent() -> None:
    """A request sent before it was sent at a later hour of our clock: that hour is the earlier one of the two."""
    records, own = witnesses()
    records.append(listed("before", 1501.0, OTHER))
    own["before"] = KnownRequest(OTHER, 1500.0, 0)
    doubt = replace(DOUBT, after=1500.0)
    assert settled([doubt], records, own, provable_at(1500.0, START)).absent == []
    assert settled([doubt], records, own, provable_at(1502.0, START)).absent == [7]


def test_a_history_that_may_begin_too_late_proves_nothing() -> None:
    """The request of ours before it has to be listed, where there was one."""
    records, own = witnesses()
    doubt = replace(DOUBT, after=900.0)
    assert settled([doubt], records, own, LATE).absent == []
    own["before"] = KnownRequest(OTHER, 900.0, 0)
    assert settled([doubt], [*records, listed("before", 901.0, OTHER)], own, LATE).absent == [7]


@pytest.mark.parametrize("offsets", [(1.0, 2.0 + CLOCK_SKEW), (1.0 - HOUR, 1.0)])
def test_clocks_that_went_apart_meanwhile_prove_nothing(offsets: tuple[float, float]) -> None:
    """Our clock was moved between the witnesses; a little apart is nothing."""
    records, own = witnesses(*offsets)
    assert settled([DOUBT], records, own, LATE + HOUR).absent == []
    steady, known = witnesses(1.0, 1.0 + CLOCK_SKEW)
    assert settled([DOUBT], steady, known, LATE + HOUR).absent == [7]


def test_the_history_is_read_from_before_the_last_request_that_is_known() -> None:
    """From two days before, where none is known."""
    assert earliest([InDoubtRow(7, SHOT, 10_000.0, 1, after=9_000.0)]) == 9_000.0 - 600.0
    assert earliest([InDoubtRow(7, SHOT, 9_000.0, 1, after=10_000.0)]) == 9_000.0 - 600.0
    assert earliest([InDoubtRow(7, SHOT, 10_000.0, 1)]) == 10_000.0 - 48 * HOUR


shots = st.sampled_from([SHOT, OTHER, {"prompt": "a train"}])


@given(
    accepted=st.lists(st.tuples(shots, st.floats(0, 5000), st.booleans(), st.booleans()), max_size=12),
    never=st.lists(st.tuples(shots, st.floats(0, 5000)), max_size=6),
    queued=st.booleans(),
    now=st.floats(0, 40_000),
    lag=st.floats(0, HISTORY_LAG),
    hidden=st.sampled_from(["plain", "hashed", "gone"]),
    ahead=st.sampled_from([0.0, 0.0, 2 * HOUR]),
)
def test_nothing_that_was_accepted_is_ever_called_absent(
    accepted: list[tuple[dict[str, Any], float, bool, bool]],
    never: list[tuple[dict[str, Any], float]],
    queued: bool,
    now: float,
    lag: float,
    hidden: str,
    ahead: float,
) -> None:
    """However late, hashed or hidden it is listed, and whatever fal's clock says: never by more than never arrived."""
    doubts, records, own = [], [], {}
    for n, (sent, at, known, started) in enumerate(accepted):
        name = f"r{n}"
        runs_at = at + (10 if started else 3500)  # the start deadline bounds how late a runner can take it
        if known:
            own[name] = KnownRequest(sent, at, int(at * 1000))
        else:
            doubts.append(InDoubtRow(n, sent, at, int(at * 1000)))
        if runs_at + lag <= now or (queued and at + lag <= now):
            shown = {"plain": sent, "hashed": {"prompt": f"{hash(str(sent)):x}"}, "gone": None}[
                "plain" if known else hidden
            ]
            records.append(ListedRequest(name, at + 1, runs_at + 300 + lag <= now, shown))
    doubts += [InDoubtRow(100 + n, sent, at, int(at * 1000)) for n, (sent, at) in enumerate(never)]
    verdicts = settled(doubts, records, own, now, told=now + ahead, sent=own)
    assert len(set(verdicts.found.values())) == len(verdicts.found)
    assert not set(verdicts.found) & set(verdicts.absent)
    for shot in (SHOT, OTHER, {"prompt": "a train"}):
        alike = [doubt for doubt in doubts if doubt.sent == shot]
        real = sum(1 for sent, _, known, _ in accepted if sent == shot and not known)
        assert sum(1 for doubt in alike if doubt.row in verdicts.absent) <= len(alike) - real


def test_what_was_sent_may_be_known_by_its_digest_alone() -> None:
    """As the account's book has it: of a later request, and of the one that is missing."""
    records, own = witnesses()
    equality = Equality(DEFAULTS)
    by_digest = {name: replace(one, sent=None, digest=equality.digest(OTHER)) for name, one in own.items()}
    assert settled([DOUBT], records, by_digest, LATE).absent == [7]
    other = by_digest | {"w1": replace(by_digest["w1"], digest=equality.digest(SHOT))}
    assert settled([DOUBT], records, other, LATE).absent == []
    missing = {"m": KnownRequest(None, 2000.0, 2, equality.digest(OTHER))}
    assert settled([DOUBT], records, by_digest, LATE, sent=missing).absent == []
