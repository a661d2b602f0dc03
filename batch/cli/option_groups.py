"""What help shows first: options in groups, the common ones, an example for each command.

A new option needs no entry: it stands under "More" in `--help-all`. To show it elsewhere, name it here.
"""

from collections.abc import Mapping, Sequence

GROUPS: Mapping[str, Sequence[str]] = {
    "Money": ("max-spend", "max-spend-total", "max-spend-account", "limit", "takes", "price", "stop-after", "yes"),
    "Which rows": ("kind", "row", "id", "from", "use", "stale", "all"),
    "Decisions": ("adopt", "resubmit", "give-up", "adopt-known", "buy-again", "own-table", "stop"),
    "When": ("at", "days", "until", "max-runtime", "recall"),
    "The table": (
        "from-folder",
        "prompt",
        "model",
        "map",
        "ignore",
        "sheet",
        "header-row",
        "encoding",
        "output",
        "prefix",
    ),
    "By itself": ("cron", "notify", "systemd", "list", "remove", "dry-run"),
    "At fal": ("key-file", "concurrency", "max-concurrency", "offline"),
    "What is printed": ("json", "report"),
    "Rehearsal": ("sandbox", "fault", "port", "slots", "run-seconds", "queue-seconds", "folder"),
}
"""Title → options, in the order in which they are shown."""
REST = "More"

COMMON: Sequence[str] = (
    *(
        "max-spend",
        "until",
        "kind",
        "row",
        "id",
        "from",
        "use",
        "yes",
        "adopt",
        "resubmit",
        "give-up",
        "sandbox",
        "map",
        "from-folder",
        "prompt",
        "model",
        "output",
        "at",
        "days",
    ),
    *("cron", "notify", "key-file", "systemd", "list", "remove", "dry-run", "json", "stale", "all", "offline", "stop"),
    *("port", "slots", "run-seconds", "fault", "limit", "concurrency", "max-runtime", "header-row", "price", "sheet"),
)
"""What `--help` shows, the more important first: as many of them as fit the screen."""

COMMANDS: Sequence[str] = (
    *(
        "new",
        "check",
        "run",
        "status",
        "rerun",
        "redo",
        "take",
        "resolve",
        "cancel",
        "download",
        "report",
        "schedule",
        "doctor",
        "config",
    ),
    *("model", "account", "recover", "sandbox"),
)
"""In the order in which a person needs them; others follow."""

EXAMPLES: Mapping[str, str] = {
    "account": "kling-batch account",
    "cancel": "kling-batch cancel shots.csv --row 4-9,12",
    "check": "kling-batch check shots.csv --map image=Startbild",
    "config": "kling-batch config shots.csv",
    "doctor": "kling-batch doctor shots.csv",
    "download": "kling-batch download shots.csv",
    "model": "kling-batch model list",
    "new": "kling-batch new shots.csv --from-folder images",
    "recover": "kling-batch recover shots.csv",
    "redo": "kling-batch redo shots.csv --id s2",
    "report": "kling-batch report shots.csv",
    "rerun": "kling-batch rerun shots.csv --kind content_policy_violation",
    "resolve": "kling-batch resolve shots.csv --row 4 --give-up",
    "run": "kling-batch run shots.csv --max-spend 20 --until 07:00",
    "sandbox": 'kling-batch sandbox --fault "submit:3=cut_after"',
    "schedule": "kling-batch schedule shots.csv --at 22:00 --key-file ~/.fal-key",
    "status": "kling-batch status shots.csv",
    "take": "kling-batch take shots.csv --id s2 --use 1",
}
"""Command → a line that works."""
