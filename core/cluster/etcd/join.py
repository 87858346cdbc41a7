"""A node's way into etcd: what to start etcd with, and what is left to do when it runs. Every step is asked of etcd
anew, so that a node killed anywhere goes on. Owns the order and the patience; refuses to start anything, which its
caller does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.base.clock import Clock
from core.base.errors import NotReady
from core.cluster.etcd import bootstrap, leave, recover
from core.cluster.etcd.client import LATER, SOON, Etcd, any_of
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.membership import Add, Remove, Start, check_removal, joining
from core.cluster.etcd.reach import LOOK_SECONDS, Census, Reach, census, members
from core.cluster.etcd.recover import Run
from core.rpc.status import Code, RpcError

RETRY: Final = 3.0  # between looks for a cluster
JOIN_SECONDS: Final = 1800.0
SETTLE_SECONDS: Final = 600.0
Fetch = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Way:
    """How to start etcd: of `flags.Launch`, what depends on the cluster. Nothing when there are data."""

    members: Sequence[str] = ()
    new: bool = False
    token: str = ""


async def enter(local: Local, reach: Reach, run: Run, clock: Clock, fetch: Fetch | None = None) -> Way:
    """Wait until this node is to run etcd, and how: it is a member already; or was asked to bootstrap (`bootstrap`),
    then with what a snapshot held; or somebody else serves, and a learner is there for this node in the place of what
    it was. `fetch` gets etcd, in time: a learner that does not come keeps the next one from being added, and who waits
    for nothing in particular shall not ask a registry for it again and again.

    Raises what `fetch` raises, Conflict for what waiting does not heal, NotReady when it took longer than JOIN_SECONDS.
    """
    end = clock.monotonic() + JOIN_SECONDS
    while True:
        await bootstrap.resume(local, reach, clock)
        await recover.carry(local, run)
        await leave.finish(local, reach, clock)
        entry = local.journal.entry
        if entry.stage is Stage.BOOTSTRAP:
            return Way(_initial(local), True, entry.token)
        if local.has_data:
            if not await outlived(local, reach):
                return Way()
            local.wipe()
        found = await _step(local, reach, fetch) if entry.stage is not Stage.CLAIMING else RETRY
        if isinstance(found, Way):
            return found
        if clock.monotonic() >= end:
            raise NotReady("there is no cluster to join", remedy="bootstrap one of the control planes")
        await _pause(local, entry, clock, found)


async def settle(local: Local, own: Etcd, reach: Reach, clock: Clock) -> None:
    """What is left to do when etcd runs: be promoted when caught up, be known by the right URLs. On return this node
    is a member with a vote, and the journal says so. Raises NotReady after SETTLE_SECONDS, with what etcd said last."""
    end = clock.monotonic() + SETTLE_SECONDS
    while True:
        try:
            await _settle(local, own, reach)
            return
        except (NotReady, RpcError) as error:
            if isinstance(error, RpcError) and error.code not in LATER:
                raise
            if clock.monotonic() >= end:
                raise NotReady(f"etcd does not settle: {error}") from error
        await clock.sleep(SOON)


async def outlived(local: Local, reach: Reach) -> bool:
    """Whether the data here are of a membership that has ended, as the others agree. Those who are silent may be
    waiting for this node, which then goes on as what it was."""
    entry = local.journal.entry
    if not entry.member:
        return False
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            said = await any_of(reach.others, members)
            if said.header.cluster_id == entry.cluster:
                return entry.member not in {each.ID for each in said.members}
            return await any_of(reach.others, lambda etcd: etcd.get(recover.superseded(entry.cluster))) is not None
    except (NotReady, RpcError, TimeoutError):
        return False


async def _step(local: Local, reach: Reach, fetch: Fetch | None) -> Way | float:
    """One step into a cluster: how to start etcd, or the seconds until the next."""
    try:
        await census(reach)
    except NotReady:
        return RETRY
    if fetch is not None:
        await fetch()
    try:
        return await _join(local, reach, await census(reach))  # who serves now: that may have taken its time
    except (NotReady, RpcError) as error:
        # not found: somebody else removed it; or it was added again in the second of its removal, under its old id
        if isinstance(error, RpcError) and error.code not in (*LATER, Code.NOT_FOUND):
            raise
        return SOON


async def _join(local: Local, reach: Reach, seen: Census) -> Way | float:
    match joining(seen.members, local.me, seen.serving):
        case Remove(stale):
            check_removal(seen.members, stale, seen.serving)
            await any_of(reach.others, lambda etcd: etcd.remove(stale.ID))
        case Add():
            local.journal.write(Entry(Stage.JOINING, cluster=seen.cluster))
            await any_of(reach.others, lambda etcd: etcd.add_learner(local.me.peer_urls))
        case Start(member, members):
            local.journal.write(Entry(Stage.JOINING, cluster=seen.cluster, member=member.ID))
            local.wipe()
            return Way(members)
    return 0.0


async def _pause(local: Local, entry: Entry, clock: Clock, seconds: float) -> None:
    """So long, or until the journal says something else than `entry`."""
    waits = [
        asyncio.ensure_future(local.journal.until(lambda now: now is not entry)),
        asyncio.ensure_future(clock.sleep(seconds)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _settle(local: Local, own: Etcd, reach: Reach) -> None:
    status = await own.status()
    cluster, member = status.header.cluster_id, status.header.member_id
    if status.isLearner:
        await any_of(reach.others, lambda etcd: etcd.promote(member))
    await own.serves()
    seen = await census(reach, [own])
    known = seen.member(member)
    if known is None:
        raise NotReady(f"etcd's member {member:016x} is not known to its cluster")
    if set(known.peerURLs) != set(local.me.peer_urls):
        await own.update(member, local.me.peer_urls)
    before = local.journal.entry
    if before.stage is Stage.BOOTSTRAP and before.cluster:
        await own.put(recover.superseded(before.cluster), before.token.encode())
    local.journal.write(Entry(Stage.MEMBER, cluster=cluster, member=member))
    local.sweep()


def _initial(local: Local) -> list[str]:
    return [f"{local.me.name}={url}" for url in local.me.peer_urls]
