"""How long a row waits for its image: blamed only while others are taken, left when it has been long, else again."""

import pytest

from batch.dispatch.image_waits import (
    BLAMED_SECONDS,
    BLAMED_TIMES,
    RECENT_SECONDS,
    WAITED_SECONDS,
    Again,
    Blamed,
    ImageWaits,
    Left,
)

HALF = 0.5


def waits() -> ImageWaits:
    return ImageWaits(lambda: HALF)


def tried_until_the_end(
    images: ImageWaits, *, reached: bool, others: bool, longest: float = 20_000.0
) -> tuple[Blamed | Left | None, float, int]:
    """The end of row 1, the seconds until then, and the tries; `others`: images of other rows are taken meanwhile."""
    now, tries = 100.0, 0
    while now < longest:
        tries += 1
        match images.failed(1, now, "oh", reached=reached):
            case Again(seconds):
                now += seconds / 2
                if others:
                    images.prepared(2, now, uploaded=True)
                now += seconds / 2
            case end:
                return end, now - 100.0, tries
    return None, now - 100.0, tries


def test_an_image_that_fails_while_others_are_taken_is_blamed_after_some_minutes() -> None:
    """With the number of tries; not before five minutes, and well before ten."""
    end, seconds, tries = tried_until_the_end(waits(), reached=True, others=True)
    assert end == Blamed(tries)
    assert BLAMED_SECONDS <= seconds < 600
    assert 5 <= tries < 12


def test_while_no_image_is_taken_none_is_blamed_and_the_wait_has_an_end() -> None:
    """The place for images is at fault: the row is left to the next run after an hour, tried some thirty times."""
    end, seconds, tries = tried_until_the_end(waits(), reached=True, others=False)
    assert end == Left()
    assert WAITED_SECONDS <= seconds < WAITED_SECONDS + 300
    assert tries < 45


def test_while_fal_cannot_be_reached_a_row_waits_without_end() -> None:
    """A dead network fails nothing and leaves nothing."""
    end, _, tries = tried_until_the_end(waits(), reached=False, others=False)
    assert end is None
    assert tries < 20_000 / 100


def test_one_image_that_fails_alone_after_all_others_were_taken_is_blamed() -> None:
    """Nothing more is uploaded by then; it is the only one that waits."""
    images = waits()
    images.failed(1, 0.0, "oh", reached=True)
    images.prepared(2, 1.0, uploaded=True)
    end, _, _ = tried_until_the_end(images, reached=True, others=False)
    assert isinstance(end, Blamed)


def test_images_that_fail_together_after_others_were_taken_are_not_blamed() -> None:
    """Two of two that wait: the place for images may have broken down since."""
    images = waits()
    for row in (1, 3):
        images.failed(row, 0.0, "oh", reached=True)
    images.prepared(2, 1.0, uploaded=True)
    end, _, _ = tried_until_the_end(images, reached=True, others=False)
    assert end == Left()


@pytest.mark.parametrize("uploaded", [True, False])
def test_a_row_that_has_its_image_waits_no_longer(uploaded: bool) -> None:
    """The notice goes with the last one that waits, and a later trouble begins anew."""
    images = waits()
    images.failed(1, 0.0, "oh", reached=True)
    assert "an image could not be uploaded (oh)" in images.notice
    images.prepared(1, 10.0, uploaded=uploaded)
    assert images.notice == ""
    assert isinstance(images.failed(1, 99_999.0, "oh", reached=True), Again)


@pytest.mark.parametrize(
    ("times", "seconds", "end"),
    [
        (BLAMED_TIMES, BLAMED_SECONDS, Blamed(BLAMED_TIMES + 1)),
        (BLAMED_TIMES, BLAMED_SECONDS - 0.5, None),
        (BLAMED_TIMES - 1, BLAMED_SECONDS, None),
    ],
)
def test_so_often_and_so_long_an_image_has_to_fail(times: int, seconds: float, end: Blamed | None) -> None:
    """Both, each to the point; the first failure begins it, and says nothing yet."""
    images, found = waits(), None
    images.failed(9, 0.0, "oh", reached=True)  # another one waits, too
    for n in range(times + 1):
        images.prepared(2, n - 0.5, uploaded=n > 0)
        found = images.failed(1, seconds if n == times else float(n), "oh", reached=True)
    assert found == end if end else isinstance(found, Again)


@pytest.mark.parametrize(("uploaded", "at", "blamed"), [(True, 0.5, True), (True, 0.0, False), (False, 0.5, False)])
def test_only_an_image_that_was_taken_since_it_failed_last_tells(uploaded: bool, at: float, blamed: bool) -> None:
    """Not one that stood there already, nor one of the same moment."""
    images = waits()
    images.failed(9, 0.0, "oh", reached=True)  # another one waits, too
    found = []
    for n in range(BLAMED_TIMES + 1):
        found.append(images.failed(1, 100.0 * n, "oh", reached=False))
        images.prepared(2, 100.0 * n + at, uploaded=uploaded)
    assert (Blamed(BLAMED_TIMES + 1) in found) is blamed


@pytest.mark.parametrize(("before", "blamed"), [(RECENT_SECONDS - 0.5, True), (RECENT_SECONDS, False)])
def test_the_only_one_that_fails_is_blamed_where_another_was_taken_lately(before: float, blamed: bool) -> None:
    """Before it failed first; long before tells nothing."""
    images = waits()
    images.prepared(2, 1000.0 - before, uploaded=True)
    times = [1000.0 + BLAMED_SECONDS * n for n in range(BLAMED_TIMES)]
    found = [images.failed(1, at, "oh", reached=False) for at in times]
    assert (found[-1] == Blamed(BLAMED_TIMES)) is blamed


@pytest.mark.parametrize(("seconds", "left"), [(WAITED_SECONDS, True), (WAITED_SECONDS - 0.5, False)])
def test_a_row_is_left_when_it_has_waited_so_long(seconds: float, left: bool) -> None:
    """To the point."""
    images = waits()
    images.failed(1, 0.0, "oh", reached=True)
    assert (images.failed(1, seconds, "oh", reached=True) == Left()) is left


def test_no_number_of_tries_leaves_a_row_while_fal_cannot_be_reached() -> None:
    """Only time counts, and only that in which fal answers."""
    images = waits()
    for n in range(int(WAITED_SECONDS) + 10):
        assert isinstance(images.failed(1, float(n), "oh", reached=False), Again)


@pytest.mark.parametrize("end", ["prepared", "left"])
def test_the_notice_stays_as_long_as_a_row_waits(end: str) -> None:
    """Whichever way the others stop waiting; with the last one it goes."""
    images = waits()
    for row in (1, 2):
        images.failed(row, 0.0, "oh", reached=True)
    notice = images.notice
    assert notice
    for row, left in ((1, notice), (2, "")):
        if end == "prepared":
            images.prepared(row, 1.0, uploaded=False)
        else:
            assert images.failed(row, WAITED_SECONDS, "oh", reached=True) == Left()
        assert images.notice == left
