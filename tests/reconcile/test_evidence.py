"""Rows in doubt, settled by fal's records: found, proven absent, or left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.gateway import ListedRequest, RequestHistory
from batch.core.row import InDoubtRow, KnownRequest
from batch.reconcile.evidence import earliest, provable_at, reconcile

HOUR = 3600.0
START = HOUR
SHOT = {"prompt": "a boat", "image_url": "https://example.com/a.png"}
OTHER = {"prompt": "a kite", "image_url": "https://example.com/b.png"}
LATE = provable_at(2000.0, START) + 1
"""By fal's clock; the later request is all that tells when the one in doubt was sent."""


def listed(name: str, at: float, given_: dict[str, object] | None = None, ended: bool = True) -> ListedRequest:
    return ListedRequest(name, at, ended, SHOT if given_ is None else given_)


def later_own() -> tuple[list[ListedRequest], dict[str, KnownRequest]]:
    """A request of ours that was sent later and has ended: the listing has caught up."""
    return [listed("later", 2000.0, OTHER)], {"later": KnownRequest(OTHER, 1999.0, 2)}


def test_a_request_with_our_arguments_in_our_time_is_ours() -> None:
    """More keys than we sent do not matter: fal fills in its defaults."""
    record = listed("r1", 1002.0, {**SHOT, "duration": "5", "cfg_scale": 0.5})
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], [record], {}, 1010.0, START).found == {7: "r1"}


def test_a_request_that_is_already_a_rows_own_is_not_found_again() -> None:
    """Two rows never share a request."""
    verdicts = reconcile(
        [InDoubtRow(7, SHOT, 1000.0, 1)], [listed("r1", 1002.0)], {"r1": KnownRequest(SHOT, 1001.0, 2)}, 1010.0, START
    )
    assert verdicts.found == {}


def test_a_request_of_another_time_is_not_ours() -> None:
    """The same shot, sent last week, is last week's."""
    doubt = InDoubtRow(7, SHOT, 100_000.0, 1)
    assert reconcile([doubt], [listed("r1", 1002.0), listed("r2", 200_000.0)], {}, 200_001.0, START).found == {}


def test_other_arguments_are_not_ours() -> None:
    """Every key that we sent has to be equal."""
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], [listed("r1", 1002.0, OTHER)], {}, 1010.0, START).found == {}


def test_identical_rows_are_found_by_count() -> None:
    """Three rows in doubt and two requests: two rows are found, one stays open."""
    doubts = [InDoubtRow(row, SHOT, 1000.0 + row, row) for row in range(3)]
    verdicts = reconcile(doubts, [listed("r1", 1002.0), listed("r2", 1003.0)], {}, 1010.0, START)
    assert sorted(verdicts.found.values()) == ["r1", "r2"]
    assert len(verdicts.found) == 2
    assert verdicts.absent == []


def test_absence_needs_the_start_deadline_and_a_later_request() -> None:
    """Either alone proves nothing."""
    records, own = later_own()
    doubt = InDoubtRow(7, SHOT, 1000.0, 1)
    assert reconcile([doubt], records, own, LATE, START).absent == [7]
    assert reconcile([doubt], records, own, LATE - 2, START).absent == []
    assert reconcile([doubt], [], {}, LATE, START).absent == []


def test_a_later_request_that_has_not_ended_is_no_proof() -> None:
    """The listing may show starts before ends of what is older."""
    own = {"later": KnownRequest(OTHER, 1999.0, 2)}
    assert (
        reconcile(
            [InDoubtRow(7, SHOT, 1000.0, 1)], [listed("later", 2000.0, OTHER, ended=False)], own, LATE, START
        ).absent
        == []
    )


def test_a_listing_with_other_inputs_than_we_sent_proves_nothing() -> None:
    """If fal rewrites inputs, ours may be there and not be recognised."""
    own = {"later": KnownRequest(OTHER, 1999.0, 2)}
    rewritten = listed("later", 2000.0, {"prompt": "A KITE"})
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], [rewritten], own, LATE, START).absent == []


def test_a_request_that_looks_like_ours_forbids_the_proof_of_absence() -> None:
    """The same prompt with another form of the image may be ours after all; so may one without its input."""
    records, own = later_own()
    doubt = InDoubtRow(7, {**SHOT, "prompt": "a long and particular prompt about a boat"}, 1000.0, 1)
    near = listed("r9", 1003.0, {"prompt": doubt.sent["prompt"], "image_url": "https://cdn/other"})
    assert reconcile([doubt], [*records, near], own, LATE, START).absent == []
    assert reconcile([doubt], [*records, ListedRequest("r9", 1003.0, True, None)], own, LATE, START).absent == []


def test_a_clock_that_is_an_hour_off_is_noticed_by_what_is_known() -> None:
    """fal's times are read by the requests that both sides know."""
    off = 3600.0
    own = {"later": KnownRequest(OTHER, 1999.0, 2)}
    records = [listed("later", 2000.0 + off, OTHER), listed("r1", 1002.0 + off)]
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], records, own, 1010.0, START).found == {7: "r1"}


def test_what_was_sent_before_is_no_later_request_whatever_the_clock_says() -> None:
    """The clock was set back between: by its time the request before looks like one that was sent after."""
    records, _ = later_own()
    assert (
        reconcile(
            [InDoubtRow(7, SHOT, 1000.0, 3)], records, {"later": KnownRequest(OTHER, 1999.0, 2)}, LATE + HOUR, START
        ).absent
        == []
    )


def test_the_deadline_counts_from_the_latest_that_a_request_may_have_been_sent() -> None:
    """A request sent before it was sent at a later hour of our clock: that hour is the earlier one of the two."""
    records, own = later_own()
    records.append(listed("before", 1500.0, OTHER))
    own["before"] = KnownRequest(OTHER, 1500.0, 0)
    doubt = InDoubtRow(7, SHOT, 1000.0, 1, after=1500.0)
    assert reconcile([doubt], records, own, provable_at(1500.0, START), START).absent == []
    assert reconcile([doubt], records, own, provable_at(1502.0, START), START).absent == [7]


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
def test_a_record_that_may_be_the_request_with_its_input_changed_forbids_the_proof(record: dict[str, object]) -> None:
    """An image stored under another name, a long text cut short: nobody's request like that may be this one."""
    records, own = later_own()
    doubt = InDoubtRow(7, SHOT, 1000.0, 1)
    assert reconcile([doubt], records, own, LATE, START).absent == [7]
    assert reconcile([doubt], [*records, listed("r1", 1001.0, record)], own, LATE, START).absent == []


def test_a_strangers_other_request_forbids_nothing() -> None:
    """Another prompt with another image, sent by another program."""
    records, own = later_own()
    stranger = listed("r1", 1001.0, {"prompt": "a train", "image_url": "https://example.com/c.png"})
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], [*records, stranger], own, LATE, START).absent == [7]


def test_the_time_that_counts_is_fals() -> None:
    """Its answer says what its clock shows; what it has recorded is no later than now; else nobody knows."""
    assert RequestHistory([listed("r1", 50.0)], 70.0).now == 70.0
    assert RequestHistory([listed("r1", 50.0)], None).now == 50.0
    assert RequestHistory([], None).now == float("-inf")


def test_a_listing_that_may_begin_too_late_proves_nothing() -> None:
    """The request of ours before it has to be listed, where there was one."""
    records, own = later_own()
    doubt = InDoubtRow(7, SHOT, 1000.0, 1, after=900.0)
    assert reconcile([doubt], records, own, LATE, START).absent == []
    own["before"] = KnownRequest(OTHER, 900.0, 0)
    assert reconcile([doubt], [*records, listed("before", 901.0, OTHER)], own, LATE, START).absent == [7]


def test_clocks_that_went_apart_meanwhile_prove_nothing() -> None:
    """Our clock was moved by an hour between the request before and the one after."""
    own = {"before": KnownRequest(OTHER, 900.0, 0), "later": KnownRequest(OTHER, 1999.0, 2)}
    moved = [listed("before", 901.0, OTHER), listed("later", 2000.0 - HOUR, OTHER)]
    steady = [listed("before", 901.0 - HOUR, OTHER), listed("later", 2000.0 - HOUR, OTHER)]
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], moved, own, LATE + HOUR, START).absent == []
    assert reconcile([InDoubtRow(7, SHOT, 1000.0, 1)], steady, own, LATE + HOUR, START).absent == [7]


def test_the_listing_is_read_from_before_the_last_request_that_is_known() -> None:
    """From two days before, where none is known."""
    assert earliest([InDoubtRow(7, SHOT, 10_000.0, 1, after=9_000.0)]) == 9_000.0 - 600.0
    assert earliest([InDoubtRow(7, SHOT, 9_000.0, 1, after=10_000.0)]) == 9_000.0 - 600.0
    assert earliest([InDoubtRow(7, SHOT, 10_000.0, 1)]) == 10_000.0 - 48 * HOUR


shots = st.sampled_from([SHOT, OTHER, {"prompt": "a train"}])


@given(
    accepted=st.lists(st.tuples(shots, st.floats(0, 5000), st.booleans(), st.booleans()), max_size=12),
    never=st.lists(st.tuples(shots, st.floats(0, 5000)), max_size=6),
    queued=st.booleans(),
    now=st.floats(0, 20_000),
    lag=st.floats(0, 3000),
)
def test_nothing_that_was_accepted_is_ever_called_absent(
    accepted: list[tuple[dict[str, object], float, bool, bool]],
    never: list[tuple[dict[str, object], float]],
    queued: bool,
    now: float,
    lag: float,
) -> None:
    """Whatever is listed, however late, an accepted request that can still run is never declared absent by count."""
    doubts, records, own = [], [], {}
    for n, (sent, at, known, started) in enumerate(accepted):
        name = f"r{n}"
        runs_at = at + (10 if started else 3500)  # the start deadline bounds how late a runner can take it
        if known:
            own[name] = KnownRequest(sent, at, int(at * 1000))
        else:
            doubts.append(InDoubtRow(n, sent, at, int(at * 1000)))
        if runs_at + lag <= now or (queued and at + lag <= now):
            records.append(ListedRequest(name, at + 1, runs_at + 300 + lag <= now, sent))
    doubts += [InDoubtRow(100 + n, sent, at, int(at * 1000)) for n, (sent, at) in enumerate(never)]
    verdicts = reconcile(doubts, records, own, now, START)
    assert len(set(verdicts.found.values())) == len(verdicts.found)
    assert not set(verdicts.found) & set(verdicts.absent)
    if lag <= 60:  # a listing that is later than that while it shows newer ends is not in order
        for shot in (SHOT, OTHER, {"prompt": "a train"}):
            alike = [doubt for doubt in doubts if doubt.sent == shot]
            real = sum(1 for sent, _, known, _ in accepted if sent == shot and not known)
            settled_absent = sum(1 for doubt in alike if doubt.row in verdicts.absent)
            assert settled_absent <= len(alike) - real
