"""The request history: its pages, and how late it may be."""

from batch.sandbox import History, Query
from tests.support.loopback import PRO
from tests.support.queues import START, a_queue, shot


def test_the_history_is_paged_with_a_cursor() -> None:
    """Every request once, in pages; `end` is exclusive and `start` is a day ago unless given."""
    queue, clock = a_queue(10, 1.0, history=History(page=3))
    for _ in range(8):
        clock.now += 1
        queue.submit(PRO, shot())
    clock.now += 100
    seen: list[object] = []
    cursor = None
    while True:
        page = queue.history_page(Query(PRO, limit=100, cursor=cursor))
        items = page["items"]
        assert isinstance(items, list)
        assert len(items) <= 3
        seen += [item["request_id"] for item in items]
        cursor = page["next_cursor"]  # type: ignore[assignment]
        if not page["has_more"]:
            break
    assert cursor is None
    assert seen == [request.id for request in queue.requests]
    part = queue.history_page(Query(PRO, start=START + 2, end=START + 4))["items"]
    assert [item["request_id"] for item in part] == seen[1:3]  # type: ignore[attr-defined]
    clock.now += 86_400
    assert queue.history_page(Query(PRO))["items"] == []


def test_the_history_can_be_late_and_silent_about_the_queue() -> None:
    """Not documented, so playable: what is shown follows `lag` and `lists_queued`."""
    queue, clock = a_queue(1, 10.0, history=History(lag=60))
    queue.submit(PRO, shot())
    queue.submit(PRO, shot())
    clock.now += 59
    assert queue.history_page(Query(PRO))["items"] == []
    clock.now += 2
    (only,) = queue.history_page(Query(PRO, payloads=True))["items"]  # type: ignore[misc]
    assert (only["ended_at"], only["status_code"], only["json_input"]) == (None, None, shot())
    clock.now += 20
    first, second = queue.history_page(Query(PRO, payloads=True))["items"]  # type: ignore[misc]
    assert (first["status_code"], first["duration"]) == (200, 10.0)
    assert first["json_output"]["video"]["url"].endswith(".mp4")
    assert second["started_at"] is not None
    queue.set_slots(0)
    queue.submit(PRO, shot())
    clock.now += 1000
    assert len(queue.history_page(Query(PRO))["items"]) == 2  # type: ignore[arg-type]
    queue.history = History(lists_queued=True)
    assert len(queue.history_page(Query(PRO))["items"]) == 3  # type: ignore[arg-type]
