"""Whether a class is what a protocol asks for: its methods by name, and each with the same signature."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints


def methods(protocol: type) -> dict[str, Callable[..., Any]]:
    """What the protocol itself asks for."""
    return {name: one for name, one in vars(protocol).items() if inspect.isfunction(one) and not name.startswith("_")}


def signature(method: Callable[..., Any]) -> tuple[object, ...]:
    """Awaited or not, the parameters in their order with name, kind, default and type, and what is returned."""
    hints = get_type_hints(method)
    parameters = [
        (one.name, one.kind, one.default, hints.get(one.name))
        for one in inspect.signature(method).parameters.values()
        if one.name != "self"
    ]
    return inspect.iscoroutinefunction(method), parameters, hints["return"]
