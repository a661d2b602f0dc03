"""Sends messages about a run to wherever a person wants them; none ever changes how a run ends."""

import json
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch.core.plain_text import one_line

TRIES = 3
PAUSES = (1.0, 4.0)
"""Seconds between the tries."""
MOST_ATTACHED = 4_000_000
"""Bytes of a page that is attached: mail servers take ten million or so, and write them a third longer."""


@dataclass(slots=True)
class Notifier:
    """Messages to some addresses.

    Args:
        urls: apprise's addresses (`mailto://…`, `ntfys://…`, `slack://…`); they hold passwords, and are never shown.
        say: told what could not be sent.
        table: the name of the table, for the titles.
    """

    urls: Sequence[str]
    say: Callable[[str], None]
    table: str
    sleep: Callable[[float], None] = time.sleep
    _targets: list[tuple[str, Any]] | None = field(default=None, init=False)

    def begin(self) -> None:
        """Says now what could not be sent later; the run goes on all the same."""
        self._open()

    def alarm(self, subject: str, text: str) -> None:
        """While a run is on: what a person may want to know before its end."""
        self._send(f"{self.table}: {subject}", text)

    def end(
        self, subject: str, text: str, report: dict[str, Any] | None = None, page: tuple[str, str] | None = None
    ) -> None:
        """After everything is on disk.

        Args:
            report: attached as a file of JSON where the service takes files.
            page: the report as HTML, its name and its text: attached likewise, unless it is too large for a message.
        """
        title = f"{self.table}: {subject}"
        files = {} if report is None else {"report.json": json.dumps(report, ensure_ascii=False, indent=2).encode()}
        if page and len(data := page[1].encode("utf-8", "replace")) <= MOST_ATTACHED:
            files[page[0]] = data
        if not (files and self.urls):
            self._send(title, text)
            return
        try:
            with tempfile.TemporaryDirectory(prefix="kling-batch-") as folder:
                for name, data in files.items():
                    Path(folder, name).write_bytes(data)
                self._send(title, text, [str(Path(folder, name)) for name in files])
        except OSError:  # a full disk: then without the files
            self._send(title, text)

    def _open(self) -> list[tuple[str, Any]]:
        if self._targets is None:
            self._targets = _opened(self.urls, self.say)
        return self._targets

    def _send(self, title: str, text: str, attached: Sequence[str] = ()) -> None:
        for name, target in self._open():
            if not any(self._tried(target, one_line(title), text, attached, attempt) for attempt in range(TRIES)):
                self.say(f"the message to {name} could not be sent, in {TRIES} tries")

    def _tried(self, target: Any, title: str, text: str, attached: Sequence[str], attempt: int) -> bool:
        if attempt:
            self.sleep(PAUSES[attempt - 1])
        try:
            return bool(target.notify(title=title, body=text, attach=list(attached) or None))
        except Exception:  # noqa: BLE001 - a hundred services of others: whatever breaks in one, the night ended as it did
            return False


def _opened(urls: Sequence[str], say: Callable[[str], None]) -> list[tuple[str, Any]]:
    """Each address by the kind of its service, which is all that is ever shown of it."""
    if not urls:
        return []
    try:
        import apprise  # an extra; takes 0.3 s to load
    except ImportError:
        say("no message can be sent: apprise is not installed (pip install 'kling-batch[notify]'); the run goes on")
        return []
    logging.getLogger("apprise").disabled = True  # it writes down addresses, and answers of services
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # as does the library below it
    asset = apprise.AppriseAsset(
        app_id="kling-batch", app_desc="kling-batch", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    opened = []
    for number, url in enumerate(urls, 1):
        name = f"{url.partition(':')[0]}://…" if "://" in url else "…"
        target = apprise.Apprise(asset=asset)
        if target.add(url):
            opened.append((name, target))
        else:
            say(f"--notify: address {number} ({name}) is none that apprise knows: nothing is sent there")
    return opened
