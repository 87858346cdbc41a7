"""A node's way out of etcd: leadership handed over, membership given up, data wiped. Owns the order, which can be begun
anew from any of its steps; refuses to begin when those who stay would be no majority."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from core.base.clock import Clock
from core.base.errors import Conflict, NotReady
from core.cluster.etcd.client import LATER, SOON, Etcd, any_of
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.membership import check_removal, successor
from core.cluster.etcd.reach import Census, Reach, census
from core.rpc.pb.etcd.rpc_pb2 import Member
from core.rpc.status import Code, RpcError

SECONDS: Final = 60.0  # a change of leaders takes a second or two


async def forfeit(own: Etcd, reach: Reach) -> str:
    """Hand leadership to another; the name of who leads now, "" when this member did not lead. Raises Conflict when
    nobody else could."""
    status = await own.status()
    if status.leader != status.header.member_id:
        return ""
    seen = await census(reach, [own])
    heir = successor(seen.members, status.leader, seen.serving)
    if heir is None:
        raise Conflict("no other voting member of etcd serves")
    await own.move_leader(heir.ID)
    return heir.name


async def leave(
    local: Local, own: Etcd, reach: Reach, stop: Callable[[], Awaitable[None]], clock: Clock, *, last: bool = False
) -> None:
    """Leave for good, or go on where a node was killed while it left. `stop` ends etcd on this node if it runs. On
    return there are no data and no place; Conflict changes nothing, and NotReady (no quorum for SECONDS) may be tried
    again. The `last` member may go only when that is said."""
    entry = local.journal.entry
    if entry.stage is Stage.FREE and not local.has_data:
        return
    await _leave(local, [own], reach, stop, clock, last)


async def check(local: Local, own: Etcd, reach: Reach) -> None:
    """Change nothing, and raise what `leave` of a member that may be the last one would: Conflict, NotReady."""
    if local.journal.entry.stage is not Stage.FREE or local.has_data:
        seen = await census(reach, [own])
        _permitted(seen, await _known(local, [own], seen), last=True)


async def finish(local: Local, reach: Reach, clock: Clock) -> None:
    """Go on with leaving on a node that was killed while it left, or that gave its data up; etcd does not run."""

    async def stop() -> None:
        pass

    if local.journal.entry.stage in (Stage.LEAVING, Stage.REMOVED):
        await _leave(local, [], reach, stop, clock, last=True)


async def _leave(
    local: Local, own: Sequence[Etcd], reach: Reach, stop: Callable[[], Awaitable[None]], clock: Clock, last: bool
) -> None:
    end = clock.monotonic() + SECONDS
    while local.journal.entry.stage is not Stage.REMOVED:
        try:
            await _give_up(local, own, reach, last)
        except (NotReady, RpcError) as error:
            if clock.monotonic() >= end or (isinstance(error, RpcError) and error.code not in (*LATER, Code.NOT_FOUND)):
                raise
            await clock.sleep(SOON)
    await stop()
    local.wipe()
    local.journal.write(Entry())


async def remove(reach: Reach, own: Etcd, member: int) -> None:
    """End another's membership, if those who stay are a majority. Raises Conflict, or RpcError NOT_FOUND."""
    seen = await census(reach, [own])
    known = seen.member(member)
    if known is None:
        raise RpcError(Code.NOT_FOUND, f"etcd has no member {member:016x}")
    check_removal(seen.members, known, seen.serving)
    await any_of([own, *reach.others], lambda etcd: etcd.remove(member))


async def _give_up(local: Local, own: Sequence[Etcd], reach: Reach, last: bool) -> None:
    seen = await census(reach, own)
    known = await _known(local, own, seen)
    if known is not None:
        _permitted(seen, known, last=last)
        local.journal.write(Entry(Stage.LEAVING, cluster=seen.cluster, member=known.ID))
        if len(seen.members) > 1:
            await _removed(own, reach, known.ID, seen)
    local.journal.write(Entry(Stage.REMOVED))


def _permitted(seen: Census, known: Member | None, *, last: bool) -> None:
    if known is not None and not (last and len(seen.members) == 1):
        check_removal(seen.members, known, seen.serving)


async def _known(local: Local, own: Sequence[Etcd], seen: Census) -> Member | None:
    """Which member this node is: as it wrote down, as its etcd says, or as one that was added and never started."""
    entry = local.journal.entry
    if entry.member:
        return seen.member(entry.member)
    if local.has_data:
        return seen.member((await any_of(own, Etcd.status)).header.member_id)
    ours = [each for each in seen.members if set(each.peerURLs) == set(local.me.peer_urls)]
    return ours[0] if ours else None


async def _removed(own: Sequence[Etcd], reach: Reach, member: int, seen: Census) -> None:
    """Not a member any more. Those who stay are asked, as one who is removed answers nobody."""
    if own and seen.leader == member:
        await forfeit(own[0], reach)
    staying = [etcd for each in seen.members if member != each.ID for etcd in reach.of(each)]
    await any_of(staying, lambda etcd: etcd.remove(member))
