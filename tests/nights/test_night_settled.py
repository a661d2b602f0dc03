"""Rows in doubt settled over real sockets, budgets, account stops, and what a person decides between runs."""

import signal
from pathlib import Path

import pytest

from batch.sandbox import models
from tests.support.night import end, ledger, night, statuses, table, until

ACCEPTED_BUT_LOST = [
    "cut_after",
    "cut_half",
    "truncated",
    "garbage",
    "accept_then_500",
    "accept_then_502_nginx",
    "accept_then_503",
    "accept_then_504",
]


def test_replies_lost_in_eight_ways_are_found_in_fals_records(tmp_path: Path) -> None:
    """A third of the submits, each way in turn: paid once each, nothing in doubt at the end, exit 0."""
    faults = " ".join(f"submit:{3 * (n + 1)}={fault}" for n, fault in enumerate(ACCEPTED_BUT_LOST))
    with night(tmp_path, faults=faults) as now:
        shots = now.manifest(24)
        ended = now.run("run", shots)
        assert ended.code == 0, ended.err
        assert now.accepted == {f"prompt {n}": 1 for n in range(24)}
        for row in table(shots):
            assert now.videos[row["request_id"]] == row["prompt"]
        assert now.asked("history") >= 1


def test_a_listing_that_is_refused_leaves_rows_in_doubt_for_a_person(tmp_path: Path) -> None:
    """Exit 4, shown by `resolve` with what is known; each decision does what it says, and only to its row."""
    with night(tmp_path, faults="submit:2=cut_after submit:4=cut_after submit:6=cut_after history=403") as now:
        shots = now.manifest(8)
        assert now.run("run", shots, "--concurrency", 1).code == 4
        doubtful = [row for row in table(shots) if row["status"] == "in_doubt"]
        assert len(doubtful) == 3
        shown = now.run("resolve", shots)
        assert shown.code == 4
        assert shown.out.count("--row N --adopt") == 1
        assert all(row["id"] in shown.out and row["prompt"] in shown.out for row in doubtful)

        ids = {prompt: name for name, prompt in now.videos.items()}
        adopted, again, left = doubtful
        assert now.run("resolve", shots, "--id", adopted["id"], "--adopt", "no-such-request").code == 2
        assert now.run("resolve", shots, "--id", again["id"], "--adopt", ids["prompt 0"]).code == 2
        assert now.run("resolve", shots, "--id", adopted["id"]).code == 2
        assert statuses(shots)["in_doubt"] == 3

        now.run("resolve", shots, "--id", adopted["id"], "--adopt", ids[adopted["prompt"]])
        now.run("resolve", shots, "--id", again["id"], "--resubmit")
        now.run("resolve", shots, "--id", left["id"], "--give-up")
        ended = now.run("run", shots)
        assert ended.code == 1, ended.err
        rows = {row["id"]: row for row in table(shots)}
        assert rows[adopted["id"]]["request_id"] == ids[adopted["prompt"]]
        assert (rows[again["id"]]["status"], rows[again["id"]]["cost_usd"]) == ("succeeded", "0.98")
        assert (rows[left["id"]]["status"], rows[left["id"]]["error_type"]) == ("failed", "given_up")
        assert now.accepted[again["prompt"]] == 2
        assert sum(now.accepted.values()) == 9


def test_a_budget_stops_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """Three rows fit under $1.60; what is left and its price is said; over the ledger's life as well."""
    with night(tmp_path) as now:
        shots = now.manifest(8)
        ended = now.run("run", shots, "--max-spend", "1.60")
        assert (ended.code, sum(now.accepted.values())) == (3, 3)
        assert "left: 5 rows for $2.45" in ended.err
        assert now.run("run", shots, "--max-spend-total", "2.00").code == 3
        assert sum(now.accepted.values()) == 4
        assert now.run("run", shots).code == 0


def test_fals_price_of_today_is_told_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rise is said before anything is spent, and a budget goes by it; the user's own word comes before fal's."""
    monkeypatch.setitem(models.DOLLARS_PER_SECOND, models.PRO, 0.2)
    with night(tmp_path) as now:
        shots = now.manifest(5)
        ended = now.run("run", shots, "--max-spend", "2.50")
        assert (ended.code, sum(now.accepted.values())) == (3, 2)
        assert "$1.00 for 5 s (published: $0.49)" in ended.err
        assert "5 rows to run for $5.00" in ended.err
        assert table(shots)[0]["cost_usd"] == "1.00"
        ended = now.run("run", shots, "--price", "5=0.60", "--max-spend", "0.60")
        assert (ended.code, sum(now.accepted.values())) == (3, 3)
        assert "published" not in ended.err
        assert now.run("run", shots).code == 0


@pytest.mark.parametrize("fault", ["silent", "503", "403", "garbage", "cut_after"])
def test_without_fals_price_the_published_one_counts(tmp_path: Path, fault: str) -> None:
    """It is waited for two seconds at most, and nothing fails for it."""
    with night(tmp_path, faults=f"pricing={fault}") as now:
        shots = now.manifest(2)
        ended = now.run("run", shots)
        assert ended.code == 0
        assert "2 rows to run for $0.98" in ended.err


@pytest.mark.parametrize(
    "options", [["--max-spend", "x"], ["--until", "25:00"], ["--max-runtime", "soon"], ["--price", "7=1"]]
)
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, options: list[str]) -> None:
    """One line, exit 2, nothing submitted."""
    with night(tmp_path) as now:
        ended = now.run("run", now.manifest(2), *options)
        assert ended.code == 2
        assert options[1] in ended.err
        assert ended.err.count("\n") == 1
        assert not now.accepted


def test_a_locked_account_stops_after_one_row_and_says_what_to_do(tmp_path: Path) -> None:
    """Exit 3, every row as it was; when it is unlocked the next run does them all."""
    with night(tmp_path) as now:
        shots = now.manifest(12)
        now.address.authorization.lock()
        ended = now.run("run", shots)
        assert ended.code == 3
        assert "billing" in ended.err
        assert now.asked("submit") == 1
        assert statuses(shots) == {"pending": 12}
        now.address.authorization.locked = None
        assert now.run("run", shots).code == 0


def test_what_is_queued_can_be_taken_back(tmp_path: Path) -> None:
    """Queued requests are gone and free; the running one is named, and comes home with the next run."""
    with night(tmp_path, slots=1, run_seconds=8.0) as now:
        shots = now.manifest(4)
        child = now.start("run", shots, "--concurrency", 4)
        until(lambda: now.asked("submit") == 4, child)
        until(lambda: len(ledger(shots, "SELECT 1 FROM row WHERE state = 'submitted'")) == 4, child)
        assert now.run("cancel", shots).code == 75
        child.send_signal(signal.SIGINT)
        assert end(child).code == 130
        ended = now.run("cancel", shots)
        assert "3 rows taken back" in ended.out
        assert "runs already" in ended.out
        assert ledger(shots, "SELECT state, spent, COUNT(*) FROM row GROUP BY 1, 2") == [
            ("cancelled", 0, 3),
            ("submitted", 0, 1),
        ]
        assert now.run("run", shots).code == 1
        assert statuses(shots) == {"cancelled": 3, "succeeded": 1}
        assert now.run("rerun", shots, "--row", 3).code == 1
        assert statuses(shots) == {"cancelled": 2, "succeeded": 2}
        assert sum(now.accepted.values()) == 5


def test_a_row_that_waits_can_be_cancelled_by_name(tmp_path: Path) -> None:
    """It is not submitted by the next run; a row that has its video cannot be taken back."""
    with night(tmp_path) as now:
        shots = now.manifest(3)
        assert now.run("run", shots, "--limit", 1).code == 3
        assert now.run("cancel", shots, "--id", "r1").code == 3
        assert now.run("cancel", shots, "--row", 2).code == 2
        now.run("run", shots)
        assert [row["status"] for row in table(shots)] == ["succeeded", "cancelled", "succeeded"]
