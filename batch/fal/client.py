"""The gateway to fal.ai: fal-client behind the guard, every outcome one of the gateway's answers.

Facts about the service are fal's documentation unless marked otherwise.
"""

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from batch.core.gateway import (
    START_TIMEOUT,
    Accepted,
    AccountRefused,
    CancelAnswer,
    CancelRequested,
    CollectAnswer,
    Finished,
    InDoubt,
    LogLine,
    NotFound,
    NotSent,
    PollAnswer,
    PrepareAnswer,
    Receipt,
    Refused,
    RequestFailed,
    RequestHistory,
    SubmitAnswer,
    Throttled,
    TooLate,
    Unclear,
    UnitPrice,
    Video,
    Waiting,
)
from batch.core.object_lifecycle import ObjectLifecycle
from batch.core.upload_book import UploadBook, UploadForm
from batch.fal import platform_api as records
from batch.fal.account_state import AccountState, account_state
from batch.fal.credentials import find_credentials
from batch.fal.guarded_sdk import USER_AGENT, GuardedSdk
from batch.fal.receipts import Receipts
from batch.fal.redact import Redactor, secrets_in
from batch.fal.reply_body import MOST, MOST_OF_A_RESULT
from batch.fal.responses import (
    ACCOUNT_REFUSALS,
    REFUSED_SUBMITS,
    detail_of,
    error_types_of,
    id_in,
    is_https_url,
    is_playable_url,
    json_of,
    log_lines,
    position_of,
    retry_after,
    retryable,
    seconds_of,
    text_of,
    words,
)
from batch.fal.transport import (
    ErrorResponse,
    Exchange,
    ReplyLost,
    Unreachable,
    UnusableReply,
    guarded_client,
    last_body,
)
from batch.fal.uploads import UPLOAD_SECONDS, UploadBody, Uploads
from batch.fal.wire import fresh
from batch.job import Arguments, Job

SUBMIT_SECONDS = 60.0
"""The longest wait for the reply to a POST; then the row is in doubt."""
ASK_SECONDS = 30.0
_ASK_TIMEOUT = httpx.Timeout(ASK_SECONDS).as_dict()
SUBMITS_AT_ONCE, ASKS_AT_ONCE = 64, 16
"""HTTP exchanges in the air at once, hundreds a second; in a crowd, more of them would only wait for each other.
Submits and questions apart, so that a stalled kind leaves the other free."""
RESULTS_AT_ONCE = 8
"""Results fetched at once: few, so that a crowd of ends has its slots filled again before all is brought home."""
TIMES_ASKED = 2
"""How often a question is put in one go, where the answer is about another request."""
UNUSABLE_URL = "the address of the video is no https address; the whole result is kept in the ledger"
ID_HEADER = "x-fal-request-id"
"""What request a reply is about; fal's own JavaScript client takes the id of a result from it."""


class FalGateway:
    """One account on fal.ai, as one job sees it. An async context manager; asyncio only, as fal-client is.

    Args:
        job_at: gives the jobs of other endpoints; raises UsageError for an unknown one.
        local: gives the file that an image cell refers to, None where the cell is a URL or a data URI.
        played: the service is played on this machine, and its videos may be files here.
        book, form: what was uploaded before, and what a local image goes up as; see `Uploads`.
        lifecycle: how long fal is to keep what belongs to a request, where somebody said so.
        logs: each question about a request asks for the lines of its runner, too.

    Raises:
        MissingKey: neither a key in the environment nor a login of fal's own.
        UsageError: the environment names a proxy or certificates that cannot be used.
    """

    def __init__(
        self,
        job: Job,
        *,
        local: Callable[[str], Path | None],
        played: bool = False,
        book: UploadBook | None = None,
        form: Callable[[Path], UploadForm] = lambda _: UploadForm(),
        lifecycle: ObjectLifecycle | None = None,
        logs: bool = False,
        job_at: Callable[[str], Job] | None = None,
    ) -> None:
        self._job = job
        self._job_at = job_at
        self._others: dict[str, FalGateway] = {}
        self._is_video_url = is_playable_url if played else is_https_url
        credentials = find_credentials()
        self._redact = Redactor(secrets_in(credentials.token))
        self._http = guarded_client(credentials.as_headers() | {"User-Agent": USER_AGENT}, SUBMIT_SECONDS)
        self._client = GuardedSdk(credentials, self._http, SUBMIT_SECONDS)
        self._receipts = Receipts(job.endpoint, self._redact)
        # asyncio's own: anyio's limiter costs a turn of the event loop each, which counts where hundreds end at once.
        self._submits = asyncio.Semaphore(SUBMITS_AT_ONCE)
        self._asks = asyncio.Semaphore(ASKS_AT_ONCE)
        self._results = asyncio.Semaphore(RESULTS_AT_ONCE)
        self._lifecycle = lifecycle
        self._logs = logs
        self._uploads = Uploads(
            job,
            local,
            self._upload,
            self._redact,
            is_there=self.is_there,
            book=book,
            form=form,
            lifecycle=lifecycle,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def at(self, endpoint: str) -> "FalGateway":
        """The same account as the job of another endpoint sees it: one client, and each picture goes up once.

        Raises:
            UsageError: it is that of no model here.
        """
        if self._job_at is None or endpoint == self._job.endpoint:
            return self
        if endpoint not in self._others:
            other = copy(self)
            other._job = job = self._job_at(endpoint)
            other._receipts = Receipts(job.endpoint, self._redact)
            other._uploads = self._uploads.of(job)
            self._others[endpoint] = other
        return self._others[endpoint]

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        """Uploads the local images among the arguments; nothing here costs anything, all of it may be repeated."""
        return await self._uploads.prepare(arguments)

    async def _upload(self, body: UploadBody) -> str:
        return await self._client.send_file(body, self._lifecycle, UPLOAD_SECONDS)

    async def is_there(self, url: str) -> bool:
        """Whether a file that was uploaded is so still; asked without the key, as the model will."""
        request = httpx.Request("HEAD", url, headers={"User-Agent": USER_AGENT}, extensions={"timeout": _ASK_TIMEOUT})
        try:
            with anyio.fail_after(ASK_SECONDS):
                await self._http._transport.handle_async_request(request)
        except (Exchange, TimeoutError, httpx.InvalidURL):  # gone, or nobody says: it is uploaded anew
            return False
        return True

    async def submit(self, arguments: Arguments, start_timeout: float = START_TIMEOUT) -> SubmitAnswer:
        """Exactly one POST, whatever happens to its reply.

        Args:
            start_timeout: seconds after which a request that no runner has started is given up by fal
                (`X-Fal-Request-Timeout`), which is what makes its absence provable.
        """
        async with self._submits:
            last_body.set(None)
            try:
                with anyio.fail_after(SUBMIT_SECONDS):
                    kept = self._lifecycle.request_headers if self._lifecycle else {}
                    await self._client.submit(self._job.endpoint, arguments, headers=kept, start_timeout=start_timeout)
            except Unreachable as error:
                return NotSent(self._redact.message(str(error)))
            except ReplyLost as error:
                return InDoubt(self._redact.message(f"the reply was lost ({error})"))
            except TimeoutError:
                return InDoubt(f"no reply in {SUBMIT_SECONDS:.0f} s")
            except ErrorResponse as answered:
                return self._submit_answered(answered)
            except Exception as error:  # noqa: BLE001 - whatever fal-client makes of a 2xx reply, it is read below
                if last_body.get() is None:
                    return InDoubt(
                        self._redact.message(f"it failed where nobody foresaw it ({type(error).__name__}: {error})")
                    )
            said = json_of(last_body.get() or b"")
            receipt = self._receipts.read(said)
        if receipt is None:
            return InDoubt("the reply (HTTP 200) held no request id")
        return Accepted(receipt, position_of(said.get("queue_position")) if isinstance(said, dict) else None)

    def _submit_answered(self, answered: ErrorResponse) -> SubmitAnswer:
        status, text = answered.status, self._redact.message(text_of(answered))
        if status == 429:
            return Throttled(retry_after(answered.headers))
        if status in ACCOUNT_REFUSALS:
            return AccountRefused("locked" if "locked" in text.casefold() else f"http_{status}", text)
        if status in REFUSED_SUBMITS:
            return Refused(self._redact.error_type(*error_types_of(answered)) or f"http_{status}", text)
        return InDoubt(f"HTTP {status}: {text}")

    async def poll(self, receipt: Receipt) -> PollAnswer:
        """The state of a request: one GET."""
        url = self._receipts.own(receipt).status_url
        said = await self._ask(
            "GET", f"{url}{'&' if '?' in url else '?'}logs={int(self._logs)}", about=receipt.request_id
        )
        if isinstance(said, ErrorResponse):
            return self._unanswered(said)
        if not isinstance(said, dict):
            return said if isinstance(said, Unclear) else Unclear("the status was not a JSON object", answered=True)
        match said.get("status"):
            case "IN_QUEUE":
                return Waiting(running=False, position=position_of(said.get("queue_position")))
            case "IN_PROGRESS":
                return Waiting(running=True, logs=self._lines(said))
            case "COMPLETED":
                return self._finished(said)
            case unknown:
                return Unclear(self._redact.message(f"unknown status {words([unknown])[1:-1]}"), answered=True)

    def _finished(self, said: Mapping[str, Any]) -> Finished:
        metrics = said.get("metrics")
        seconds = metrics.get("inference_time") if isinstance(metrics, dict) else None
        error, error_type = said.get("error"), said.get("error_type")
        return Finished(
            seconds=seconds_of(seconds),
            error=self._redact.message(words(error)) if error else None,
            error_type=self._redact.error_type(error_type),
            logs=self._lines(said),
        )

    def _lines(self, said: Mapping[str, Any]) -> tuple[LogLine, ...]:
        if not self._logs:
            return ()
        clean = self._redact.message
        return tuple(LogLine(clean(text), clean(level), clean(at)) for text, level, at in log_lines(said.get("logs")))

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        """The result of a finished request: one GET, which replays the model's own reply."""
        async with self._results:
            url = self._receipts.own(receipt).response_url
            said = await self._ask("GET", url, about=receipt.request_id, most=MOST_OF_A_RESULT)
        if isinstance(said, Unclear):
            return said
        if isinstance(said, ErrorResponse):
            return self._result_answered(said, finished)
        text = self._redact.text((last_body.get() or b"").decode("utf-8", "replace"))
        url = self._redact.line(self._job.video_url(said) or "")
        if not url:
            return self._no_video("no_video_in_result", f"the result holds no video: {text}", text)
        if not self._is_video_url(url):
            return self._no_video("unusable_video_url", f"{UNUSABLE_URL}: {url}", text)
        return Video(text, url)

    def _no_video(self, error_type: str, message: str, result: str) -> RequestFailed:
        return RequestFailed(error_type, self._redact.message(message), 200, sure=False, result=result)

    def _result_answered(self, answered: ErrorResponse, finished: Finished) -> CollectAnswer:
        detail = detail_of(answered)
        if answered.status == 400 and "still in progress" in str(detail):
            return Waiting(running=True)
        from_model = isinstance(detail, list) and bool(detail)
        # The model's own word is a type and a status below 500; whatever is at fault can answer a 5xx of any type.
        judged = from_model and answered.status < 500 and isinstance(error_types_of(answered)[0], str)
        ended_badly = finished.error is not None or finished.error_type is not None
        error_type = self._redact.error_type(*error_types_of(answered)) or finished.error_type
        # With these the account and the way to the service speak, whatever type they give: not the model.
        # So does a bare 5xx: a run that failed is said to have failed by its status, or by the type of its error.
        bare = error_type is None and (detail is None or answered.status >= 500)
        says_nothing = answered.status in (404, 408, 429, *ACCOUNT_REFUSALS) or bare
        if says_nothing and not from_model and not ended_badly:
            return self._unanswered(answered)
        message = text_of(answered) if from_model else finished.error or text_of(answered)
        return RequestFailed(
            error_type or f"http_{answered.status}",
            self._redact.message(message),
            answered.status,
            retryable=retryable(answered.headers),
            sure=judged or ended_badly,
        )

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        """Asks fal to take a request back: one PUT."""
        said = await self._ask("PUT", self._receipts.own(receipt).cancel_url, about=receipt.request_id)
        if isinstance(said, ErrorResponse):
            if said.status == 400 and b"ALREADY_COMPLETED" in said.body:
                return TooLate()
            return self._unanswered(said)
        return said if isinstance(said, Unclear) else CancelRequested()

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        """Every request of ours in fal's own records that was sent after `since` (seconds since 1970)."""
        return await records.request_history(self._get, self._job, since)

    async def unit_price(self) -> UnitPrice | Unclear:
        """What fal charges for the job's endpoint now."""
        said = await records.unit_price(self._get, self._job.endpoint)
        if isinstance(said, UnitPrice):  # it is shown
            return replace(said, unit=self._redact.line(said.unit), currency=self._redact.line(said.currency))
        return said

    async def account_state(self) -> AccountState:
        """What fal tells of the key, and by which clock."""
        return await account_state(self._get, self._job.endpoint, self._redact)

    async def _get(self, url: str, query: Mapping[str, str]) -> Any:
        return await self._ask("GET", url, query)

    def built_receipt(self, request_id: str) -> Receipt:
        """The receipt of a request of which only the id is known, by fal-client's own rule."""
        return self._receipts.built(request_id)

    def _unanswered(self, answered: ErrorResponse) -> NotFound | Unclear:
        text = self._redact.message(f"HTTP {answered.status}: {text_of(answered)}")
        if answered.status == 404:
            return NotFound(text)
        return Unclear(text, account=answered.status in ACCOUNT_REFUSALS, answered=True)

    async def _ask(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        about: str | None = None,
        most: int = MOST,
    ) -> Any:
        """The JSON of a 2xx reply, the `ErrorResponse` of any other, `Unclear` where there is no usable reply.

        Args:
            about: the request that the reply has to be about, where it says what it is about.
            most: how many bytes the reply may have.
        """
        for _ in range(TIMES_ASKED):
            said, named = await self._ask_once(method, url, params, most)
            if about is None or named in (None, about):
                return said
            fresh.set(True)  # something on the way mixes up replies: this connection is used for nothing any more
        return Unclear("the answer was about another request", answered=True)

    async def _ask_once(
        self, method: str, url: str, params: Mapping[str, str] | None, most: int
    ) -> tuple[Any, str | None]:
        """The same, and the id of the request that it names."""
        extensions = {"timeout": _ASK_TIMEOUT, "most": most}
        async with self._asks:
            try:
                with anyio.fail_after(ASK_SECONDS):
                    # Straight through the client's own transport: its cookies and redirects are nothing to a question.
                    request = httpx.Request(
                        method, url, params=params, headers=self._http.headers, extensions=extensions
                    )
                    response = await self._http._transport.handle_async_request(request)
            except ErrorResponse as answered:
                return answered, answered.headers.get(ID_HEADER)
            except (Exchange, httpx.InvalidURL, UnicodeError) as error:  # the last two: an address that cannot be one
                return Unclear(self._redact.message(str(error)), answered=isinstance(error, UnusableReply)), None
            except TimeoutError:
                return Unclear(f"no answer in {ASK_SECONDS:.0f} s"), None
        said = json_of(response.content)
        named = response.headers.get(ID_HEADER)
        if said is None:
            return Unclear("the answer was not JSON", answered=True), named
        # A status says it itself; what stands in a result is the model's, which may speak of ids of its own.
        own = id_in(said)
        return said, own if own is not None and (named is None or "status" in said) else named
