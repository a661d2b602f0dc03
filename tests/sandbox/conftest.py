"""What every test of the sandbox may ask for."""

import pytest

from tests.support.loopback import Script, run_script


@pytest.fixture
def anyio_backend() -> str:
    """The sandbox is asyncio's."""
    return "asyncio"


@pytest.fixture
def script() -> Script:
    """Runs Python in a child process against a sandbox; gives back what it told in its last line."""
    return run_script
