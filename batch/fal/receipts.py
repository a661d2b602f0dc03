"""Reads receipts of requests, and builds those that name addresses of others than fal."""

import logging
from typing import Any

import fal_client

from batch.core.gateway import Receipt
from batch.fal.redact import Redactor
from batch.fal.responses import is_request_id
from batch.fal.wire import HOSTS

_log = logging.getLogger("kling-batch")


def built_receipt(endpoint: str, request_id: str) -> Receipt:
    """The receipt of a request of which only the id is known, by fal-client's own rule; asks nobody, needs no key."""
    nobody: Any = None
    built = fal_client.AsyncRequestHandle.from_request_id(nobody, endpoint, request_id)
    return Receipt(request_id, built.status_url, built.response_url, built.cancel_url, endpoint)


class Receipts:
    """The receipts of one endpoint's requests. What they name is asked with the key: only fal's own addresses are."""

    def __init__(self, endpoint: str, redact: Redactor) -> None:
        self._endpoint = endpoint
        self._redact = redact
        self._told = False

    def read(self, said: Any) -> Receipt | None:
        """The receipt in a reply to a submit; None where it holds no id of a request."""
        request_id = said.get("request_id") if isinstance(said, dict) else None
        if not is_request_id(request_id) or not self._redact.plain(str(request_id)):
            return None
        urls = [said.get(name) for name in ("status_url", "response_url", "cancel_url")]
        if not all(isinstance(url, str) and self._redact.plain(url) for url in urls):
            return self.built(str(request_id))
        status_url, response_url, cancel_url = map(str, urls)
        return self.own(Receipt(str(request_id), status_url, response_url, cancel_url, self._endpoint))

    def own(self, receipt: Receipt) -> Receipt:
        """The receipt itself; the one by fal's own rule where it leads to others, or to another request."""
        urls = (receipt.status_url, receipt.response_url, receipt.cancel_url)
        if all(HOSTS.about(url, receipt.request_id) for url in urls):
            return receipt
        self._tell(next(url for url in urls if not HOSTS.about(url, receipt.request_id)))
        return self.built(receipt.request_id)

    def built(self, request_id: str) -> Receipt:
        """The receipt of a request of which only the id is known, by fal-client's own rule."""
        return built_receipt(self._endpoint, request_id)

    def _tell(self, url: str) -> None:
        if not self._told:
            self._told = True
            _log.warning(
                "a reply, or the ledger, says to ask for a request at an address that is not fal's, or another "
                "request's (%s): nothing is asked there, no key goes there; fal's usual address is asked instead",
                self._redact.message(url)[:100],
            )
