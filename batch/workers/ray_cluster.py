"""Runs workers on a Ray cluster, this machine's own or another: as actors, which Ray never runs twice.

An actor with `max_restarts=0` and `max_task_retries=0` does each call at most once: what Ray has lost is told, never
repeated (Ray docs: "Actor Fault Tolerance"). No `@ray.remote` function is used: those are run again by default.
"""

import asyncio
import os
import platform
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from batch.errors import MissingExtra, UsageError
from batch.workers.calls import WorkerFacts, WorkerLost, WorkerPlan, versions_apart
from batch.workers.row_worker import RowWorker

LOCAL = "ray"
"""A cluster of this machine's own is started, and ended with the run."""
STORE_BYTES = 100_000_000
"""Of the object store of a cluster of our own: what is on its way between two processes."""
CONNECTS, CONNECT_SECONDS, PORT_SECONDS = 3, 20.0, 5.0
"""How often a connection is tried, and how long each time."""
SECRET_NAMES = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET")

T = TypeVar("T")
OpenWorker = Callable[[WorkerPlan, Mapping[str, str]], AbstractAsyncContextManager[RowWorker]]
"""Opens what a worker does its calls with, from the plan and an environment; a function that can be imported."""


def own_versions() -> dict[str, str]:
    """What has to be the same wherever a call goes."""
    import ray

    python = ".".join(platform.python_version_tuple()[:2])
    return {"Ray": ray.__version__, "Python": python, "kling-batch": version("kling-batch")}


class WorkerActor:
    """The actor: a `RowWorker` in a process of its own.

    What is secret comes as an argument of `open`, which Ray passes on and shows nowhere. The runtime environment of an
    actor, which would be the usual way, is written into a log on its node, and listed by the dashboard.
    """

    def __init__(self, open_worker: OpenWorker, plan: WorkerPlan) -> None:
        self._open_worker = open_worker
        self._plan = plan
        self._opened: AbstractAsyncContextManager[RowWorker] | None = None
        self._worker: RowWorker | None = None

    async def open(self, environment: Mapping[str, str]) -> WorkerFacts:
        """Has to be called first, once."""
        facts: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid(), "versions": own_versions()}
        try:
            self._opened = self._open_worker(self._plan, environment)
            self._worker = await self._opened.__aenter__()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to the run, which ends or tries another
            return WorkerFacts(**facts, trouble=str(error) or type(error).__name__)
        return WorkerFacts(**facts)

    async def call(self, name: str, *arguments: Any) -> Any:
        """One call of the worker's."""
        return await getattr(self._worker, name)(*arguments)


class RayWorker:
    """A worker that is such an actor."""

    def __init__(self, actor: Any, facts: WorkerFacts) -> None:
        self.actor = actor
        self.facts = facts

    @property
    def host(self) -> str:
        """The machine that it is on."""
        return self.facts.host

    async def call(self, name: str, *arguments: Any) -> Any:
        """As `RemoteWorker.call`."""
        return await _answer(lambda: self.actor.call.remote(name, *arguments))


class RayCluster:
    """Starts workers on the nodes of a cluster; asyncio only, as Ray is.

    Args:
        open_worker: see `OpenWorker`.
        environment: what a worker takes from ours, secrets among it.
    """

    def __init__(
        self,
        thread: ThreadPoolExecutor,
        open_worker: OpenWorker,
        plan: WorkerPlan,
        environment: Mapping[str, str],
    ) -> None:
        self._thread = thread
        self._open_worker = open_worker
        self._plan = plan
        self._environment = dict(environment)
        self._actor: Any = None

    async def nodes(self) -> list[Mapping[str, Any]]:
        """Those that are alive, as Ray lists them."""
        import ray

        return [node for node in await self._in_thread(ray.nodes) if node["Alive"]]

    async def start(self, name: str, *, node: str | None = None) -> RayWorker:
        """As `WorkerHost.start`; on a node of this id, where one is said."""
        del name  # it is our own: Ray keeps names of actors for its whole cluster
        actor = await self._in_thread(lambda: self._new_actor(node))
        try:
            facts = await _answer(lambda: actor.open.remote(self._environment))
        except WorkerLost as lost:
            if "No module named" in str(lost):
                raise UsageError(f"kling-batch is not installed on every node of the cluster ({lost})") from lost
            raise
        except BaseException:
            await asyncio.shield(self._kill(actor))
            raise
        worker = RayWorker(actor, facts)
        if apart := versions_apart(await self._in_thread(own_versions), facts.versions):
            await self.stop(worker)
            raise UsageError(f"the versions on {facts.host} are not those of this machine: {apart}; install the same")
        if facts.trouble:
            await self.stop(worker)
            raise UsageError(f"a worker on {facts.host} cannot work: {facts.trouble}")
        return worker

    async def stop(self, worker: Any) -> None:
        """As `WorkerHost.stop`."""
        await self._kill(worker.actor)

    def _new_actor(self, node: str | None) -> Any:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if self._actor is None:
            self._actor = ray.remote(WorkerActor)
        where: Any = NodeAffinitySchedulingStrategy(node, soft=False) if node else "SPREAD"
        options = self._actor.options(num_cpus=0, max_restarts=0, max_task_retries=0, scheduling_strategy=where)
        return options.remote(self._open_worker, self._plan)

    async def _kill(self, actor: Any) -> None:
        import ray

        def kill() -> None:
            try:
                ray.kill(actor, no_restart=True)
            except (ray.exceptions.RayError, ValueError, ConnectionError):
                return  # it is dead, or so is the cluster

        await self._in_thread(kill)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Ray waits inside its calls, and its processes die with the thread that has started them: it has its own."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def require_ray() -> None:
    """Raises MissingExtra at once."""
    if find_spec("ray") is None or find_spec("grpc") is None:
        raise MissingExtra(f"--on needs Ray: {sys.executable} -m pip install 'ray[client]>=2.40'")


@asynccontextmanager
async def joined(
    where: str, open_worker: OpenWorker, plan: WorkerPlan, environment: Mapping[str, str]
) -> AsyncIterator[RayCluster]:
    """The cluster at `ray://HOST:PORT`, or one of this machine's own (`ray`), while the block runs.

    Raises:
        MissingExtra: Ray is not installed.
        UsageError: the cluster cannot be reached, or its versions are others.
    """
    require_ray()
    thread = ThreadPoolExecutor(1, "ray")
    loop = asyncio.get_running_loop()
    with _own_folder(where) as folder:
        try:
            ours = await _connected(thread, where, folder)
            try:
                yield RayCluster(thread, open_worker, plan, environment)
            finally:
                if ours:
                    await asyncio.shield(loop.run_in_executor(thread, _disconnect))
        finally:
            thread.shutdown(wait=False)


@contextmanager
def _own_folder(where: str) -> Iterator[Path | None]:
    """Where a cluster of our own keeps its sockets and logs; None: where Ray has it, as paths of sockets are short."""
    root = tempfile.gettempdir()
    if where != LOCAL or len(root) > 16:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="kb-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _connected(thread: ThreadPoolExecutor, where: str, folder: Path | None) -> bool:
    """As `_connect`, which does not always end: Ray's client waits for ever for a server that failed to start."""
    loop = asyncio.get_running_loop()
    if where != LOCAL:
        await loop.run_in_executor(None, _require_port, where)
    for nth in range(CONNECTS):
        connecting = loop.run_in_executor(thread, _connect, where, folder)
        await asyncio.wait({connecting}, timeout=None if where == LOCAL else CONNECT_SECONDS)
        if not connecting.done():
            await loop.run_in_executor(None, _break_off)
        try:
            return await connecting
        except UsageError:
            if where == LOCAL or nth + 1 == CONNECTS:
                raise
    raise AssertionError("the last try returns or raises")


def _require_port(where: str) -> None:
    """Somebody listens there: Ray's own client takes long to say that nobody does."""
    host, _, port = where.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PORT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--on {where}: nobody answers there ({error}): is the cluster up (ray start --head), and is that the port "
            "of its client server, 10001 by default?"
        ) from error


def _break_off() -> None:
    """Ends the wait of a connection that is being made: its channel is closed under it."""
    import ray.util.client

    worker = getattr(ray.util.client.ray.get_context(), "client_worker", None)
    if worker is not None:
        worker.channel.close()


def _connect(where: str, folder: Path | None) -> bool:
    """Whether the connection was made here, and is to be ended here."""
    with surroundings(where):
        try:
            import ray

            if ray.is_initialized():
                return False
            quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
            if where == LOCAL:
                own = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
                ray.init("local", **own, **quiet, **({"_temp_dir": str(folder)} if folder else {}))
            else:
                ray.init(where, **quiet)
        except (ConnectionError, OSError, RuntimeError, ValueError, ImportError) as error:
            said = " ".join(str(error).split())
            raise UsageError(f"--on {where}: the Ray cluster cannot be used: {said}") from error
    return True


def _disconnect() -> None:
    import ray

    ray.shutdown()


@contextmanager
def surroundings(where: str) -> Iterator[None]:
    """How Ray is started: it reports nothing home, and no process of a cluster of our own has our secrets at birth.

    Nor does such a cluster listen anywhere but on this machine: Ray's switch for that is named after the systems that
    it is usually set on, and is read as Ray is imported.
    """
    changed: dict[str, str | None] = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    if where == LOCAL:
        changed |= dict.fromkeys(SECRET_NAMES)
        if "ray" not in sys.modules:
            changed["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        if "RAY_AUTH_TOKEN" not in os.environ and "RAY_AUTH_MODE" not in os.environ:
            changed |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    before = {name: os.environ.get(name) for name in changed}
    _set(changed)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


async def _answer(ask: Callable[[], Any]) -> Any:
    """What an actor answers.

    Raises:
        WorkerLost: nothing, or an error that nobody foresaw.
    """
    import ray

    try:
        return await _awaited(ask().future())
    except ray.exceptions.RayTaskError as error:
        raise WorkerLost(f"an error that nobody foresaw: {' '.join(str(error.cause).split())[:200]}") from error
    except (ray.exceptions.RayError, ConnectionError, OSError, ValueError) as error:
        raise WorkerLost(_short(error)) from error


async def _awaited(answer: "Future[Any]") -> Any:
    """Not by `asyncio.wrap_future`: whoever stops waiting would cancel what Ray is still to set in its own thread."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiting.done():
            waiting.set_result(None)

    def answered(_: "Future[Any]") -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(wake)

    answer.add_done_callback(answered)
    await waiting
    return answer.result()


def _short(error: BaseException) -> str:
    """Ray tells much: what it is, and the line of it that says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    missing = next((line for line in lines if "No module named" in line), None)
    said = missing or (lines[0] if lines else "")
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__
