"""fal's service played here: queue, runs and their outcomes, faults on the wire, media, history.

    async with serve(Queue(slots=2, run_seconds=1.0)) as address:
        subprocess.run([...], env=os.environ | address.environment())

Whatever runs with that environment talks to the sandbox under fal's own host names, and reaches nothing else.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batch.errors import UsageError
from batch.sandbox.authorization import Authorization
from batch.sandbox.extra import lacking_extra
from batch.sandbox.faults import FaultInjector, Faults
from batch.sandbox.history import History, Query
from batch.sandbox.media import Fetch, Makes, Media, Renderer, RenderWorker
from batch.sandbox.outcomes import JSON, Outcome
from batch.sandbox.queue import Plan, Queue, request_ids
from batch.sandbox.recording import Recording

if TYPE_CHECKING:
    from batch.sandbox.tls_proxy import TlsProxy

CLOSING_SECONDS = 5.0

__all__ = [
    "Address",
    "FaultInjector",
    "Faults",
    "History",
    "Outcome",
    "Query",
    "Queue",
    "Recording",
    "Renderer",
    "request_ids",
    "serve",
]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a sandbox listens, and what can be changed there: its queue, its faults (counted by kind), its keys."""

    port: int
    ca_file: Path
    queue: Queue
    fault_injector: FaultInjector
    authorization: Authorization

    def environment(self) -> dict[str, str]:
        """What points any fal client here. The proxy answers for every host; only its own authority is trusted."""
        proxy, authority = f"http://127.0.0.1:{self.port}", str(self.ca_file.absolute())
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
            "SSL_CERT_FILE": authority,
            "NODE_EXTRA_CA_CERTS": authority,
            "FAL_KEY": "sandbox",
        }


@asynccontextmanager
async def serve(
    queue: Queue,
    *,
    port: int = 0,
    folder: Path | None = None,
    faults: Faults | None = None,
    render: Renderer | None = None,
    media_base: Path | None = None,
    fetch: Fetch | None = None,
    keys: frozenset[str] | None = None,
    makes: Callable[[str], Makes] | None = None,
) -> AsyncIterator[Address]:
    """Serves the queue on a loopback port until the block ends.

    `folder` keeps the certificate authority and the files (a temporary one otherwise); requests are kept by the
    queue's `Recording`. With `media_base`, videos are made in that folder and their URLs are `file://`. `fetch` gets
    the input URLs that are no uploads. `keys` None accepts any key. `makes` says what runs of an endpoint make, videos
    by default. MissingExtra without the sandbox extra; UsageError
    when the port is taken.
    """
    try:
        from batch.sandbox.certificates import Certificates
        from batch.sandbox.service import Service
        from batch.sandbox.tls_proxy import TlsProxy, listen
    except ImportError as error:
        raise lacking_extra([error.name or ""]) from error

    async with AsyncExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kling-batch-sandbox-")))
        certificates = Certificates(home)
        try:
            listener = stack.enter_context(listen(port))
        except OSError as error:
            raise UsageError(f"the sandbox cannot listen on port {port}: {error.strerror}") from error
        authorization, fault_injector = Authorization(keys), FaultInjector(faults)
        media = Media(home, media_base, fetch, lambda name: makes(queue.request(name).endpoint) if makes else Makes())
        stack.callback(_restore, queue, queue.plan, queue.output)
        queue.plan = _with_faults(queue.plan, fault_injector)
        render_worker = RenderWorker(queue, media, render) if render else None
        if render_worker is None:
            queue.release_all()
        service = Service(queue, media, authorization, render_worker.enqueue if render_worker else _ignore)
        tls_proxy = TlsProxy(listener, certificates, service.app(), fault_injector)
        await stack.enter_async_context(_running(tls_proxy, render_worker))
        yield Address(listener.getsockname()[1], certificates.ca_file, queue, fault_injector, authorization)


@asynccontextmanager
async def _running(tls_proxy: "TlsProxy", render_worker: RenderWorker | None) -> AsyncIterator[None]:
    """Both at work while the block runs. Not a task group, which would wrap the block's own errors."""
    work = [asyncio.create_task(tls_proxy.serve(), name="sandbox TLS proxy")]
    if render_worker:
        work.append(asyncio.create_task(render_worker.work(), name="sandbox render worker"))
    try:
        yield
    finally:
        left = set(work)
        while left:  # one that was just beginning to wait for its own end is told twice
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=CLOSING_SECONDS)
        for task in work:
            if not task.cancelled():
                task.result()


def _with_faults(plan: Plan | None, fault_injector: FaultInjector) -> Plan:
    """The queue's own plan first; then the faults that are aimed at runs."""

    def chosen(given: Mapping[str, object], nth: int) -> Outcome | None:
        planned = plan(given, nth) if plan else None
        if planned is None and fault_injector.watches("run"):
            rule = fault_injector.next("run", str(given.get("prompt", "")))
            return rule.outcome if rule else None
        return planned

    return chosen


def _restore(queue: Queue, plan: Plan | None, output: Callable[[str], JSON]) -> None:
    """Leaves the queue as it came, to be served again."""
    queue.plan, queue.output, queue.holds_runs = plan, output, False


def _ignore(request_id: str) -> None:
    """Without a renderer no video is made."""
