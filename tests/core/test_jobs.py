"""Which job a row is of: by name, by endpoint, and where an old ledger says nothing."""

from dataclasses import replace

import pytest

from batch.core.jobs import Jobs
from batch.errors import UsageError
from batch.job import Models
from tests.support.mixed_models import NEWER, PRO, SPOKEN, models_of

JOBS = Jobs(PRO, models_of(NEWER, SPOKEN))


def test_a_model_is_known_by_its_name_and_by_its_endpoint() -> None:
    """The table's own one first, whatever else is called so."""
    for job in (PRO, NEWER, SPOKEN):
        assert JOBS.named(job.name) is JOBS.named(job.endpoint) is JOBS.at(job.endpoint) is job
    assert JOBS.named("nobody's") is None
    impostor = replace(SPOKEN, name=PRO.name, endpoint=PRO.endpoint)
    assert Jobs(PRO, models_of(impostor)).named(PRO.name) is PRO


def test_a_request_to_an_endpoint_that_nobody_knows_is_asked_after_nowhere() -> None:
    """The message says how it is made known."""
    with pytest.raises(UsageError, match="kling-batch model add fal-ai/gone"):
        JOBS.at("fal-ai/gone")
    assert JOBS.shown("fal-ai/gone") is PRO
    assert JOBS.shown(SPOKEN.endpoint) is SPOKEN


def test_a_ledger_that_does_not_say_it_is_of_the_first_model() -> None:
    """Whichever the table's own is by now; where there is no first one, of that."""
    assert Jobs(PRO).at("") is PRO
    known = Models([], {"": PRO}.get, str)
    assert Jobs(SPOKEN, known).at("") is PRO
    assert Jobs(SPOKEN).at("") is SPOKEN
