"""What goes on beside the dispatching: nothing, unless it was asked for."""

from batch.commands.companions import Companions
from batch.commands.row_updates import OverheardGateways
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.ledger import Ledger
from tests.support.runs import a_service
from tests.support.simulated import play


def test_without_any_the_dispatcher_goes_through_the_gateway_itself() -> None:
    """And nobody is told of changes."""

    async def night() -> None:
        service = a_service()
        with Ledger.in_memory() as ledger:
            async with async_ledger(ledger, in_line) as store:
                none = Companions()
                assert none.overheard(ledger, store, service, print) is service
                assert store.when_changed == []
                async with none.at_work(store):
                    pass
                assert none.state is None
                told = Companions(on_update=print)
                assert isinstance(told.overheard(ledger, store, service, print), OverheardGateways)
                async with told.at_work(store):
                    pass

    play(night)
