"""Groups the rows that need something: in fal's words what is the matter, and what to do about it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from batch.core.states import Status
from batch.report_page.page import Command, Group, ShownRow
from batch.reports.outcome import ADVICE, OTHERS, Outcome

_MESSAGES = 3
"""Different words of one kind that are shown."""


def groups_of(rows: Sequence[ShownRow], outcome: Outcome) -> list[Group]:
    """What is in doubt first, for it may have been paid for; then what failed, by kind, the larger groups first."""
    typed = {command.split(" ")[1]: Command(command, remark) for command, remark in outcome.to_do}
    told: list[Group] = []
    for kind, members in _by_kind(rows, Status.IN_DOUBT):
        advice = "may have been paid for; every run asks fal by itself, and you can decide"
        told.append(
            _group("in doubt", Status.IN_DOUBT, kind, members, advice, typed.get("resolve") or typed.get("run"))
        )
    for kind, members in _by_kind(rows, Status.SUBMITTED):
        if kind:  # runs have asked after them in vain
            advice = "under way, and no run could learn how it ended; each run asks again"
            told.append(_group("not heard of", Status.SUBMITTED, kind, members, advice, typed.get("run")))
    for kind, members in _by_kind(rows, Status.FAILED):
        command = Command(outcome.command_for("rerun", "--kind", kind)) if not outcome.worker else None
        told.append(_group("failed", Status.FAILED, kind, members, ADVICE.get(kind, ""), command))
    for status, words in _COMMANDS.items():
        members = [row for row in rows if row.status == status]
        if members:
            command = Command(outcome.command_for(*words)) if not outcome.worker else None
            told.append(_group(str(status), status, "", members, OTHERS[status].partition(": ")[2], command))
    return told


_COMMANDS = {
    Status.INVALID: ("check",),
    Status.CANCELLED: ("rerun",),
    Status.STALE: ("run", "--stale"),
}


def _by_kind(rows: Iterable[ShownRow], status: Status) -> Iterator[tuple[str, list[ShownRow]]]:
    kinds: dict[str, list[ShownRow]] = {}
    for row in rows:
        if row.status == status:
            kinds.setdefault(row.kind, []).append(row)
    yield from sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))


def _group(
    what: str, status: Status, kind: str, members: Sequence[ShownRow], advice: str, command: Command | None
) -> Group:
    words = Counter(row.error for row in members if row.error)
    return Group(
        title=f"{what}: {kind}" if kind else what,
        rows=len(members),
        filter_status=status,
        filter_kind=kind,
        messages=words.most_common(_MESSAGES),
        advice=advice,
        command=command,
    )
