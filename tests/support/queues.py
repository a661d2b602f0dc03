"""A sandbox queue under a clock that a test sets, and inputs for it."""

from batch.sandbox import Queue

START = 1_750_000_000.0


def shot(prompt: str = "a ship", **more: object) -> dict[str, object]:
    return {"prompt": prompt, "image_url": "https://example.com/ship.png", "duration": "5", **more}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def a_queue(slots: int = 2, run_seconds: float = 300.0, **more: object) -> tuple[Queue, Clock]:
    clock = Clock()
    return Queue(slots, run_seconds, clock=clock, **more), clock  # type: ignore[arg-type]
