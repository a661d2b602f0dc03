"""What a worker is told: times that fit together, and versions that have to be the same."""

import pickle

from batch.fal.client import SUBMIT_SECONDS
from batch.reconcile.timeline import POST_SECONDS
from batch.workers.calls import BEGIN_SECONDS, CHOOSE_SECONDS, REPLY_SECONDS, WorkerPlan, versions_apart
from jobs.kling import KLING_2_1_PRO


def test_a_post_arrives_within_the_time_that_reconciling_gives_it() -> None:
    """However long its worker was held up: or what was proven never sent could still be."""
    assert CHOOSE_SECONDS < BEGIN_SECONDS
    assert BEGIN_SECONDS + SUBMIT_SECONDS <= REPLY_SECONDS < POST_SECONDS


def test_versions_that_are_not_the_same_are_named() -> None:
    """Each with what it is here and there."""
    here = {"Ray": "2.60.0", "Python": "3.11"}
    assert versions_apart(here, here) == ""
    assert (
        versions_apart(here, {"Ray": "2.40.0"}) == "Ray 2.40.0 there and 2.60.0 here, Python none there and 3.11 here"
    )


def test_a_plan_can_travel() -> None:
    """The whole of it."""
    plan = WorkerPlan(job=KLING_2_1_PRO)
    assert pickle.loads(pickle.dumps(plan)) == plan
