"""What `doctor --on` finds about a cluster: nodes, versions, clocks, and whether fal answers each."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import anyio

from batch.commands.finding import Finding, ok, warning, wrong
from batch.commands.on_cluster import open_worker, own_key
from batch.core.gateway import UnitPrice
from batch.errors import BatchError
from batch.job import Job
from batch.workers.calls import Pulse, WorkerLost, WorkerPlan
from batch.workers.ray_cluster import RayCluster, RayWorker, joined

PATIENCE = 60.0
"""Seconds that a node is waited for."""
CLOCK_WARNING = 30.0


async def cluster_findings(where: str, job: Job) -> list[Finding]:
    """All of it; a worker is started on each node, and ended again. Spends nothing."""
    try:
        async with joined(where, open_worker, WorkerPlan(job=job), {"FAL_KEY": own_key()}) as cluster:
            nodes = await cluster.nodes()
            findings = [ok("cluster", f"{len(nodes)} node{'' if len(nodes) == 1 else 's'} at {where}")]
            for node in nodes:
                findings += await _node(cluster, node)
            return findings
    except BatchError as error:
        return [wrong("cluster", "it cannot be used", str(error))]


async def _node(cluster: RayCluster, node: Mapping[str, Any]) -> list[Finding]:
    name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    try:
        with anyio.fail_after(PATIENCE):
            worker = await cluster.start("doctor", node=node["NodeID"])
            try:
                return list(_told(name, worker, await _clock(worker), await worker.call("unit_price")))
            finally:
                await cluster.stop(worker)
    except BatchError as error:
        return [wrong("node", f"{name}: no worker can be started", str(error))]
    except (WorkerLost, TimeoutError) as error:
        why = str(error) or f"no answer in {PATIENCE:.0f} s"
        return [wrong("node", f"{name}: a worker was lost ({why})", "look at the node, or take it out of the cluster")]


async def _clock(worker: RayWorker) -> float:
    """By how many seconds the node's clock is ahead of this machine's."""
    sent = time.time()
    pulse = await worker.call("pulse")
    return pulse.clock - (sent + time.time()) / 2 if isinstance(pulse, Pulse) else 0.0


def _told(name: str, worker: RayWorker, ahead: float, price: object) -> Iterator[Finding]:
    versions = ", ".join(f"{what} {version}" for what, version in worker.facts.versions.items())
    if isinstance(price, UnitPrice):
        yield ok("node", f"{name}: {versions}; fal answers")
    elif getattr(price, "answered", False):
        yield warning(
            "node", f"{name}: fal answers, and tells no price ({getattr(price, 'reason', '')})", "look at the key"
        )
    else:
        why = getattr(price, "reason", "no answer")
        yield wrong("node", f"{name}: fal cannot be reached ({why})", "look at its network, HTTPS_PROXY, SSL_CERT_FILE")
    if abs(ahead) > CLOCK_WARNING:
        behind = "behind" if ahead < 0 else "ahead of"
        yield warning("node", f"{name}: its clock is {abs(ahead):.0f} s {behind} this machine's", "set it")
