"""Checks a row's inputs against the job's JSON Schema, all violations at once."""

from collections.abc import Callable, Mapping
from typing import Any

from batch.manifest.planner import SchemaViolation


def checker(schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], list[SchemaViolation]]:
    """A function that gives every fault of an input object, none hidden behind another."""
    import jsonschema_rs  # only where rows are planned: 29 ms

    validator = jsonschema_rs.validator_for(dict(schema))

    def check(arguments: Mapping[str, Any]) -> list[SchemaViolation]:
        if validator.is_valid(arguments):
            return []
        return [_violation(error) for error in validator.iter_errors(arguments)]

    return check


def _violation(error: Any) -> SchemaViolation:
    kind = error.kind
    name = kind.property if kind.name == "required" and not error.instance_path else (error.instance_path or [""])[0]
    limit = kind.options if kind.name == "enum" else getattr(kind, "limit", None)
    return SchemaViolation(str(name), kind.name, limit)
