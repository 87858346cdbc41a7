"""A node's way out of etcd: leadership handed over, membership given up, data wiped. Owns the order, which can be begun
anew from any of its steps; refuses to begin when those who stay would be no majority."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.base.clock import Clock
from core.base.errors import Conflict, NotReady
from core.cluster.etcd.client import Etcd, any_of
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.membership import check_removal, successor
from core.cluster.etcd.reach import Census, Reach, census
from core.rpc.status import Code, RpcError

SECONDS: Final = 60.0  # etcd puts a removal off for 5 s after the last change of members
SOON: Final = 0.5


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
    return there are no data and no place; Conflict changes nothing. The `last` member may go only when that is said."""
    entry = local.journal.entry
    if entry.stage is Stage.FREE and not local.has_data:
        return
    if entry.stage is not Stage.REMOVED:
        await _give_up(local, own, reach, clock, last)
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


async def _give_up(local: Local, own: Etcd, reach: Reach, clock: Clock, last: bool) -> None:
    entry = local.journal.entry
    if not entry.member:
        status = await own.status()
        entry = Entry(Stage.MEMBER, cluster=status.header.cluster_id, member=status.header.member_id)
        local.journal.write(entry)
    seen = await census(reach, [own])
    alone = [each.ID for each in seen.members] == [entry.member]
    known = seen.member(entry.member)
    if known is not None and not (alone and last):
        check_removal(seen.members, known, seen.serving)
    local.journal.write(Entry(Stage.LEAVING, cluster=entry.cluster, member=entry.member))
    if known is not None and not alone:
        await _removed(own, reach, clock, entry.member, seen)
    local.journal.write(Entry(Stage.REMOVED, cluster=entry.cluster, member=entry.member))


async def _removed(own: Etcd, reach: Reach, clock: Clock, member: int, seen: Census) -> None:
    """Not a member any more. Those who stay are asked, as one who is removed answers nobody."""
    if seen.leader == member:
        await forfeit(own, reach)
    staying = [etcd for each in seen.members if member != each.ID for etcd in reach.of(each)]
    end = clock.monotonic() + SECONDS
    while True:
        try:
            await any_of(staying, lambda etcd: etcd.remove(member))
            return
        except RpcError as error:
            if error.code is Code.NOT_FOUND:
                return
            raise
        except NotReady:
            if clock.monotonic() >= end:
                raise
        await clock.sleep(SOON)
