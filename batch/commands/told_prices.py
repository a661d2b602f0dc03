"""Reads `--price`: what rows cost, for the table's own model and for others that its rows name. Pure."""

from collections.abc import Mapping

from batch.core.jobs import Jobs
from batch.core.money import prices
from batch.core.suggestions import did_you_mean
from batch.errors import UsageError

Prices = Mapping[str, int]
"""Value of what decides the price → millionths of a dollar."""


def told_prices(text: str | None, jobs: Jobs) -> tuple[Prices, Mapping[str, Prices]]:
    """`5=0.49,veo3:3.20`: the prices of the table's own model, and those of others by their endpoint.

    What stands behind a model and a colon is that model's, up to the next one.

    Raises:
        UsageError: a price that cannot be meant, or a model that there is not.
    """
    parts: dict[str, list[str]] = {}
    whose = ""
    for part in () if text is None else text.split(","):
        name, colon, price = part.rpartition(":")
        whose = name.strip() if colon else whose
        parts.setdefault(whose, []).append(price)
    own = parts.pop("", None)
    usual = jobs.usual
    others: dict[str, Prices] = {}
    told = usual.prices if own is None else prices(",".join(own), usual.prices, usual.price_values)
    for name, said in parts.items():
        job = jobs.named(name)
        if job is None:
            meant = did_you_mean(name, [usual.name, *jobs.others.names])
            raise UsageError(f"--price {text}: {name} is no model{meant}; `kling-batch model list` names them")
        found = prices(",".join(said), job.prices, job.price_values)
        if job.endpoint == usual.endpoint:
            told = {**told, **found}
        else:
            others[job.endpoint] = found
    return told, others
