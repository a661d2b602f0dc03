"""The models that there are: which one a table is for, and the commands under `model`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.cli.help import help_all_option
from batch.cli.option_types import PATH, TEXT
from batch.cli.output import print_text as _print
from batch.core.plain_text import one_line
from batch.errors import Exit

if TYPE_CHECKING:
    from batch.commands.batch import Batch


def open_table(manifest: Path, *, model: str | None, **table: Any) -> "Batch":
    """A table for the model that was said now or before, or else the usual one."""
    from batch.commands.batch import open_batch
    from jobs.library import find, models

    job = find(model, manifest)
    return open_batch(manifest, job, model=model, models=models(manifest), find=partial(find, table=manifest), **table)


def _help_all() -> click.Option:
    return help_all_option(lambda ctx: ctx.get_help())


class _Command(click.Command):
    """Nothing of it is set in the environment or in a file: it is asked for at once."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), _help_all()]


class _Models(click.Group):
    command_class = _Command

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), _help_all()]


@click.group(cls=_Models)
def model() -> None:
    """Which models there are, what columns they have; add any other one of fal's."""


@model.command("list")
@click.option("--beside", type=PATH, metavar="TABLE", help="Also those that stand beside this table.")
def list_models(beside: Path | None) -> None:
    """Name every model, with its endpoint."""
    from jobs.library import find, names

    known = [find(name, beside) for name in names(beside)]
    width = max(len(job.name) for job in known)
    _print("\n".join(one_line(f"{job.name:<{width}}  {job.endpoint}") for job in known))


@model.command("show")
@click.argument("name", type=TEXT)
@click.option("--beside", type=PATH, metavar="TABLE", help="Also one that stands beside this table.")
def show_model(name: str, beside: Path | None) -> None:
    """Say what columns a model has, what may stand in them, and what it costs."""
    from batch.commands.model import described
    from jobs.library import find

    _print("\n".join(map(one_line, described(find(name, beside)))))


@model.command("add")
@click.argument("endpoint", type=TEXT)
@click.option("--openapi", type=PATH, metavar="FILE", help="Its OpenAPI document, if it is not to be fetched from fal.")
@click.option("--name", type=TEXT, help="What to call it; by default its endpoint without its owner.")
@click.option("--beside", type=PATH, metavar="TABLE", help="For this table only: keep it beside it.")
def add_model(endpoint: str, openapi: Path | None, name: str | None, beside: Path | None) -> None:
    """Take up any model of fal's: fetch its description and price, and keep them."""
    from batch.commands import model as models
    from jobs import library
    from jobs.openapi import endpoint_of, job_of, price_facts

    document = models.document_in(openapi) if openapi else models.fetched_document(endpoint)
    if endpoint_of(document) != endpoint:
        raise click.UsageError(f"the description is that of {endpoint_of(document)}, not of {endpoint}")
    name = name or models.usual_name(endpoint)
    models.require_name(name, library.names())
    job = job_of(document, {}, name)
    price = None if openapi else models.fetched_price(job)
    facts = {"price": price_facts(job, price.amount, price.unit)} if price and price.currency == "USD" else {}
    folder = beside.resolve().parent if beside else library.own_folder()
    kept = library.save(folder, name, document, facts)
    _print("\n".join(map(one_line, [*models.described(job_of(document, facts, name)), f"kept in {kept}"])))


@model.command("refresh")
@click.argument("name", type=TEXT)
@click.option("--openapi", type=PATH, metavar="FILE", help="Today's OpenAPI document, if it is not to be fetched.")
@click.option("--beside", type=PATH, metavar="TABLE", help="Also one that stands beside this table.")
@click.pass_context
def refresh_model(ctx: click.Context, name: str, openapi: Path | None, beside: Path | None) -> None:
    """Show what fal has changed in a model since it was taken up, field by field; changes nothing."""
    from batch.commands import model as models
    from jobs import library
    from jobs.openapi import input_schema

    job = library.find(name, beside)
    document = models.document_in(openapi) if openapi else models.fetched_document(job.endpoint)
    ours = input_schema(library.document_of(library.file_of(job.name, beside)))
    found = list(models.differences(ours["properties"], input_schema(document)["properties"]))
    found += models.differences({"required": ours["required"]}, {"required": input_schema(document)["required"]})
    _print("\n".join(map(one_line, found or [f"{job.name} is as fal describes it today"])))
    ctx.exit(Exit.ROWS_FAILED if found else Exit.DONE)
