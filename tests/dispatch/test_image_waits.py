"""How long a row waits for its image: blamed only while others are taken, left when it has been long, else again."""

import pytest

from batch.dispatch.image_waits import BLAMED_SECONDS, WAITED_SECONDS, Again, Blamed, ImageWaits, Left

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
