"""How a command says something to the user while it is at work."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes each message to the user."""
