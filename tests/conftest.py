"""What holds for every test."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

from batch.commands.key_sources import KEY_NAMES

# Whoever is started in the background of a shell ignores Ctrl-C, and so do the commands that the tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is tested are properties, not seconds: a machine may be busy with other things.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def _own_account(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test buys stands in no other test's book, and in none of the machine's own."""
    state: Path = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(state / "config"))  # nor does it read the settings of whoever tests
    for (
        name
    ) in KEY_NAMES:  # no key of whoever tests is used, and none that a command took from a file outlives its test
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
