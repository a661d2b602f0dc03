"""Reads a plan of faults from a text, and says which request or run meets which of them.

KIND[~TEXT][:WHICH]=FAULT[(NUMBER)]       several are set apart by commas, semicolons or blanks

KIND   connect submit status stream result cancel history pricing token upload initiate put media run
TEXT   only requests whose path or body contains it; WHICH counts among these
WHICH  3 the third · 2-4 · 3+ from the third on · *5 every fifth · 20% a seeded share · nothing: all
FAULT  cut_before   connection closed, the request is not handed on          cut_after   handed on, then closed
       cut_half     handed on, closed half-way through the reply             silent      handed on, never answered
       slow(S)      handed on, answered S seconds later                      garbage     200 that is not JSON
       truncated    the body cut to a half, as if whole                      no_logs     a status without `logs`
       unknown_state  a status of no known name
       401 403_locked 404 408 409 429(S) 499 500 502_nginx 503 504 …         answered without being handed on
       accept_then_502_nginx …                                               handed on, then answered so
run=…  not a request but the run of one: the outcome that it has, or `slow(S)` for its time
"""

import random
import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum
from http import HTTPStatus

from batch.errors import UsageError
from batch.sandbox.outcomes import SUCCESS, Outcome, names, outcome_named

KINDS = (
    *("connect", "submit", "status", "stream", "result", "cancel", "history", "pricing"),
    *("token", "upload", "initiate", "put", "media", "run"),
)
RULE = re.compile(r"(?P<kind>\w+)(~(?P<text>[^:=]+))?(:(?P<which>[^=]+))?=(?P<fault>\w+)(\((?P<number>\d+(\.\d+)?)\))?")
WHICH = re.compile(r"(?P<first>\d+)((?P<open>\+)|-(?P<last>\d+))?|\*(?P<every>\d+)|(?P<share>\d+(\.\d+)?)%")
NGINX = "<html>\r\n<center><h1>{0}</h1></center>\r\n<hr><center>nginx</center>\r\n</html>"
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."


class Act(Enum):
    """What is done to the reply."""

    CUT = "cut"
    HALF = "half"
    SILENT = "silent"
    SLOW = "slow"
    ANSWER = "answer"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    NO_LOGS = "no_logs"
    UNKNOWN_STATE = "unknown_state"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: whether the service gets the request first, and what becomes of the reply."""

    act: Act
    accepts: bool = True
    code: int = 0
    body: str = ""
    content_type: str = "application/json"
    seconds: float = 0.0


REQUEST_FAULTS = {
    "cut_before": Fault(Act.CUT, accepts=False),
    "cut_after": Fault(Act.CUT),
    "cut_half": Fault(Act.HALF),
    "silent": Fault(Act.SILENT),
    "slow": Fault(Act.SLOW),
    "garbage": Fault(Act.GARBAGE),
    "truncated": Fault(Act.TRUNCATED),
    "no_logs": Fault(Act.NO_LOGS),
    "unknown_state": Fault(Act.UNKNOWN_STATE),
}


@dataclass(frozen=True, slots=True)
class Which:
    """Which of the requests of a kind, counted from 1."""

    first: int = 1
    last: int | None = None
    every: int = 1
    share: float | None = None

    def meets(self, ordinal: int, draw: float) -> bool:
        if self.share is not None:
            return draw < self.share
        return self.first <= ordinal and (self.last is None or ordinal <= self.last) and ordinal % self.every == 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault and what it is aimed at. `fault` for a request, `outcome` for a run."""

    kind: str
    which: Which = Which()
    text: str = ""
    fault: Fault | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Faults:
    """The whole plan; the first rule that meets a request has it."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> "Faults":
        """UsageError names the part that cannot be meant."""
        return cls(tuple(_rule(part) for part in re.split(r"[,;\s]+", text) if part), seed)


class FaultInjector:
    """Carries a plan out: counts the requests of each kind, and says which fault the next one meets."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.requests: Counter[str] = Counter()
        self.plan(faults or Faults())

    def plan(self, faults: Faults) -> None:
        """Another plan from here on, its ordinals counted from here."""
        self._rules = faults.rules
        self._kinds = {rule.kind for rule in faults.rules}
        self._met = [0] * len(faults.rules)
        self._random = random.Random(faults.seed)  # noqa: S311  (repeatable, not secret)

    def watches(self, kind: str) -> bool:
        return kind in self._kinds

    def next(self, kind: str, text: str) -> Rule | None:
        """The rule that the next request of this kind meets; `text` is what it says."""
        found: Rule | None = None
        for index, rule in enumerate(self._rules):
            if rule.kind == kind and rule.text in text:
                self._met[index] += 1
                draw = self._random.random() if rule.which.share is not None else 0.0
                if found is None and rule.which.meets(self._met[index], draw):
                    found = rule
        return found


def kind_of(method: str, path: str) -> str:
    """The kind of a request, by its method and path alone (whatever the host)."""
    if path.startswith("/storage/"):
        return "token" if "/auth/" in path else "initiate" if method == "POST" else "put"
    if path.startswith("/files/"):
        return "upload" if method == "POST" else "media"
    if path.startswith("/v1/models/"):
        return "pricing" if path.endswith("/pricing") else "history"
    if "/requests/" not in path:
        return "submit" if method == "POST" else "other"
    tail = path.rpartition("/")[2]
    return tail if tail in ("status", "stream", "cancel") else "result"


def _rule(part: str) -> Rule:
    found = RULE.fullmatch(part)
    if found is None:
        raise UsageError(f"fault {part!r} is not of the form KIND[~TEXT][:WHICH]=FAULT, for example submit:3=cut_after")
    if found["kind"] not in KINDS:
        raise UsageError(f"fault {part!r}: there is no kind {found['kind']!r}; there are {', '.join(KINDS)}")
    rule = Rule(found["kind"], _which(found["which"], part), found["text"] or "")
    number = None if found["number"] is None else float(found["number"])
    if rule.kind == "run":
        return replace(rule, outcome=_outcome(found["fault"], number, part))
    return replace(rule, fault=_fault(found["fault"], number, part))


def _which(text: str | None, part: str) -> Which:
    if text is None:
        return Which()
    found = WHICH.fullmatch(text)
    if found is None or found["every"] == "0":
        raise UsageError(f"fault {part!r}: {text!r} says not which; write 3, 2-4, 3+, *5 or 20%")
    if found["every"]:
        return Which(every=int(found["every"]))
    if found["share"]:
        return Which(share=float(found["share"]) / 100)
    first = int(found["first"])
    return Which(first, None if found["open"] else int(found["last"] or first))


def _fault(name: str, number: float | None, part: str) -> Fault:
    if name in REQUEST_FAULTS:
        return replace(REQUEST_FAULTS[name], seconds=number or 0.0)
    accepts = name.startswith("accept_then_")
    code = name.removeprefix("accept_then_").removeprefix("status_")
    found = re.fullmatch(r"(\d{3})(_nginx|_locked)?", code)
    if found is None or not 200 <= int(found[1]) <= 599:
        raise UsageError(
            f"fault {part!r}: there is no fault {name!r}; there are {', '.join(REQUEST_FAULTS)} and statuses like 503"
        )
    return _answer(int(found[1]), found[2] or "", accepts=accepts, seconds=number or 0.0)


def _answer(code: int, manner: str, *, accepts: bool, seconds: float) -> Fault:
    phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "Client Closed Request"
    if manner == "_nginx":
        return Fault(Act.ANSWER, accepts, code, NGINX.format(f"{code} {phrase}"), "text/html", seconds)
    text = LOCKED if manner == "_locked" else phrase
    return Fault(Act.ANSWER, accepts, code, f'{{"detail": "{text}"}}', seconds=seconds)


def _outcome(name: str, number: float | None, part: str) -> Outcome:
    found = SUCCESS if name == "slow" else outcome_named(name)
    if found is None:
        raise UsageError(f"fault {part!r}: no run ends in {name!r}; there are slow, {', '.join(names())}")
    return replace(found, seconds=number) if number is not None else found
