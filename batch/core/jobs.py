"""Finds the job of a row, by the model that it names or by its endpoint. Pure."""

from dataclasses import dataclass, field

from batch.errors import UsageError
from batch.job import Job, Models


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs that the rows of one table may be of: its usual one, and the other models that there are."""

    usual: Job
    others: Models = field(default_factory=Models)

    def named(self, said: str) -> Job | None:
        """The job of a name or of an endpoint; None: there is no such model."""
        return self.usual if said in (self.usual.name, self.usual.endpoint) else self.others.find(said)

    def shown(self, endpoint: str) -> Job:
        """The same for whoever only shows its rows: of one that is not known any more, the usual one."""
        try:
            return self.at(endpoint)
        except UsageError:
            return self.usual

    def at(self, endpoint: str) -> Job:
        """The job of an endpoint that requests go to; of "" that of ledgers that do not say it.

        Raises:
            UsageError: it is that of no model here.
        """
        if endpoint == self.usual.endpoint or (self.usual.first and not endpoint):
            return self.usual
        if found := self.others.find(endpoint):
            return found
        if not endpoint:
            return self.usual
        raise UsageError(
            f"there are rows of {endpoint}, and no such model is known here any more: take it up again with "
            f"`kling-batch model add {endpoint}`, or say the file that holds it with --model"
        )
