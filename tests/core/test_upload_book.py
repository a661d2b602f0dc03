"""Pictures that have gone up: the account's book keeps what the gateway asks it for."""

import pytest

from batch.account.upload_records import UploadRecords
from batch.core.upload_book import UploadBook, UploadForm
from tests.support.protocols import methods, signature


@pytest.mark.parametrize("name", methods(UploadBook))
def test_the_book_has_every_method_that_is_asked_of_it(name: str) -> None:
    """Same parameters in the same order, same types."""
    assert signature(getattr(UploadRecords, name)) == signature(methods(UploadBook)[name])


def test_a_picture_goes_up_as_it_is_unless_something_has_to_be_done_to_it() -> None:
    """Most need nothing."""
    assert UploadForm().converted is None
