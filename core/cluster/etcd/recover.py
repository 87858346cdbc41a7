"""A cluster begun anew from what is left of one: from a snapshot, or from the data of the survivor that knows most.

Either way etcd's own program makes data of a database, for a cluster of this node alone with ids of its own, so that
nobody who held data of the old one can ever speak in the new. Revisions go on far above those that anybody saw
(`BUMP`), and what was before counts as compacted: a watcher that had seen more than what is left begins anew in place
of missing it. Owns the steps on one node; who takes which is said by who sees all nodes; refuses while a quorum serves.

What cannot be held: a write that was acknowledged by others alone; or one that is in the survivor's log, of which it
had not heard yet that others have it too, which takes the time of a message. Two who were declared lost and are not,
and who reach each other before they reach the new cluster, go on as the old one until etcd is next started on them."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from core.base import offload
from core.base.errors import Conflict, Invalid
from core.cluster.etcd.client import Etcd, each_of
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.reach import Reach, members
from core.rpc.status import RpcError

BUMP: Final = 1_000_000_000
DIGEST: Final = 32  # bytes: a snapshot ends with the SHA-256 of its database
PAGE: Final = 512  # a database is a multiple of it
Run = Callable[[Sequence[str]], Awaitable[bytes]]
"""Runs a program of etcd's image to its end, as etcd's user, with this node's data folder and snapshots at the paths
that this process knows; its standard output. Raises IchorError with what it complained of, Invalid when it ran and
failed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one control plane has of etcd: its member's id and cluster, the newest revision in its database."""

    name: str
    cluster: int
    member: int
    revision: int


async def report(local: Local, own: Etcd, reach: Reach, stopped: Callable[[], Awaitable[Report]]) -> Report | None:
    """What this node has; None without data. A member that was started without a quorum tells nothing: then it is
    `stopped` to `read` its database. Raises Conflict when a quorum serves, here or elsewhere."""
    if not local.has_data:
        return None
    try:
        status = await own.status()
    except RpcError:
        await _refuse_quorum(reach)
        return await stopped()
    if status.leader:
        raise _serves()
    await _refuse_quorum(reach)
    return Report(local.me.name, status.header.cluster_id, status.header.member_id, status.header.revision)


async def read(local: Local, run: Run) -> Report:
    """What is in the database. Only while etcd does not run."""
    entry = local.journal.entry
    said = await run(["etcdutl", "snapshot", "status", str(local.database), "--write-out", "json"])
    return Report(local.me.name, entry.cluster, entry.member, msgspec.json.decode(said)["revision"])


async def survive(local: Local, run: Run, told: Report) -> None:
    """This node begins the new cluster with its data, which are those that it `told` of: written down. Only while etcd
    does not run; it is then to be started (`enter`). Raises Conflict when the data are older, or others."""
    found = await read(local, run)
    if _whose(found) != _whose(told) or found.revision < told.revision:
        raise Conflict(f"{local.me.name} has other data than it told of: revision {found.revision}", remedy="plan anew")
    token = secrets.token_hex(8)
    local.journal.write(Entry(Stage.RESTORING, token, local.me.name, told.cluster, told.member, trusted=True))


def forsake(local: Local, told: Report) -> None:
    """This node gives the data up that it `told` of: written down. Only while etcd does not run; it is then to be
    started (`enter`). Raises Conflict when it has others."""
    entry = local.journal.entry
    if (local.me.name, entry.cluster, entry.member) != _whose(told):
        raise Conflict(f"{local.me.name} has other data than it told of", remedy="plan anew")
    local.journal.write(Entry(Stage.REMOVED, cluster=entry.cluster, member=entry.member))


async def verify(snapshot: Path) -> None:
    """Raises Invalid for a snapshot whose hash is not its own; OSError when it cannot be read."""
    await offload.call(_verify, snapshot, key=str(snapshot))


async def carry(local: Local, run: Run) -> None:
    """Make data of what the journal names, as far as that is not done. Only while etcd does not run; then the journal
    says BOOTSTRAP. Raises Invalid when etcd's program refuses the database: the node is then what it was before."""
    entry = local.journal.entry
    if entry.stage is Stage.RESTORING:
        local.unrestore()
        try:
            await run(_restore(local, entry))
        except Invalid:
            local.unrestore()
            local.journal.write(_before(entry))
            raise
        entry = msgspec.structs.replace(entry, stage=Stage.RESTORED)
        local.journal.write(entry)
    if entry.stage is Stage.RESTORED:
        local.replace()
        local.journal.write(msgspec.structs.replace(entry, stage=Stage.BOOTSTRAP, source="", trusted=False))


def superseded(cluster: int) -> bytes:
    """The key that says, in the cluster that came of it, that `cluster` is no more: its members that come back know by
    that, and not by a guess, that their data were given up."""
    return f"ichor.dev/etcd/superseded/{cluster:016x}".encode()


async def _refuse_quorum(reach: Reach) -> None:
    if any(not isinstance(said, RpcError) for said in await each_of(reach.others, members)):
        raise _serves()


def _serves() -> Conflict:
    return Conflict("etcd has a quorum", remedy="remove the members that are gone, then let them join anew")


def _whose(report: Report) -> tuple[str, int, int]:
    return report.name, report.cluster, report.member


def _before(entry: Entry) -> Entry:
    return Entry() if entry.source else Entry(Stage.MEMBER, cluster=entry.cluster, member=entry.member)


def _restore(local: Local, entry: Entry) -> list[str]:
    told = {
        "data-dir": str(local.restoring),
        "name": local.me.name,
        "initial-cluster": ",".join(f"{local.me.name}={url}" for url in local.me.peer_urls),
        "initial-cluster-token": entry.token,
        "initial-advertise-peer-urls": ",".join(local.me.peer_urls),
        "bump-revision": str(BUMP),
    }
    flags = [f"--{flag}={value}" for flag, value in told.items()] + ["--mark-compacted"]
    return ["etcdutl", "snapshot", "restore", entry.source or str(local.database), *flags, *_unchecked(entry)]


def _unchecked(entry: Entry) -> list[str]:
    return ["--skip-hash-check"] if entry.trusted else []


def _verify(snapshot: Path) -> None:
    size = snapshot.stat().st_size - DIGEST
    if size <= 0 or size % PAGE:
        raise Invalid(f"{snapshot} is no snapshot with a hash", remedy="skip the check for a copied database")
    digest = hashlib.sha256()
    with snapshot.open("rb") as file:
        while size and (piece := file.read(min(size, 1 << 20))):
            digest.update(piece)
            size -= len(piece)
        if digest.digest() != file.read():
            raise Invalid(f"{snapshot} is damaged: its hash is another")
