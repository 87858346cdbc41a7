"""How exactly one node begins the cluster, when it was asked to, however many were asked at once.

A node that is to bootstrap makes a token of its own and claims: it writes the claim down, then asks every other
configured control plane to promise that it lets nobody else bootstrap (`waiting`). It goes on only with the promises
of a majority of all that are configured, itself among them; and never when one of them has data.

Why that holds. A promise is on disk before it is told, and a node has one at most, its own claim included. Two
majorities of one list have a node in common, which promised to one of them alone. A promise ends in two ways: the one
whose it is gave up, which he writes down first, and never uses the token again; or all in the list answer, nobody has
data, and nobody claims that token (`claims.void`). Who promised and then joined has data, or remembers its place and
refuses. Who has begun is in a stage that says so, and whoever sees it gives up.

Nobody waits for ever. Of two in each other's way, the one whose (name, token) comes later gives up, so the first gets
all promises at its next round; who has a majority goes on in any order. Killed while it claims, a node claims on with
its token; killed after, it begins. Across a partition at most one side has a majority, and the other is told whom it
misses.

What cannot be held: lists of control planes of which two majorities do not meet; and a node whose STATE was wiped,
promise and all, after the cluster was begun with its promise, while those who have the data are cut off."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.base.clock import Clock
from core.base.errors import AlreadyExists, Conflict, NotReady
from core.cluster.etcd import claims
from core.cluster.etcd.claims import Survey, survey
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.reach import Reach
from core.cluster.etcd.recover import verify

SECONDS: Final = 20.0  # a rival that has to give up does so within a round or two of its own
EVERY: Final = 0.2


async def bootstrap(
    local: Local, reach: Reach, clock: Clock, *, source: str = "", trusted: bool = False
) -> Sequence[str]:
    """Win the right to begin the cluster: on return the journal says BOOTSTRAP, or RESTORING with the snapshot
    `source`, and whoever waits for that (`join.enter`) makes of it how to start etcd. The control planes that are
    silent, with why.

    Raises AlreadyExists when this node has data or a place in a cluster; Conflict when another has, or bootstraps;
    NotReady when too many are silent to rule that out; Invalid for a damaged snapshot that is not `trusted`. Then
    nothing is left of the claim.
    """
    if source and not trusted:
        await verify(Path(source))
    await _clear_here(local, reach)
    claim = _begin(local, source, trusted)
    try:
        return await _win(local, reach, clock, claim)
    except (Conflict, NotReady):
        await give_up(local, reach)
        raise


async def resume(local: Local, reach: Reach, clock: Clock) -> None:
    """Go on with a claim that an earlier process was killed in; gives up where `bootstrap` would."""
    entry = local.journal.entry
    if entry.stage is Stage.CLAIMING and entry is local.journal.found:
        try:
            await _win(local, reach, clock, entry)
        except (Conflict, NotReady):
            await give_up(local, reach)


async def give_up(local: Local, reach: Reach) -> None:
    """Never use the token again, then tell the others so; who is silent now asks when it matters."""
    token = local.journal.entry.token
    local.journal.write(Entry())
    await survey(reach, claims.release(token))


def _begin(local: Local, source: str, trusted: bool) -> Entry:
    entry = local.journal.entry
    if local.has_data or entry.stage not in claims.BEFORE:
        raise AlreadyExists(f"etcd has begun on this node ({entry.stage})", remedy="reset the node to give it up")
    if entry.stage is Stage.CLAIMING:
        raise Conflict("this node bootstraps already")
    if entry.stage is Stage.PROMISED:
        raise _other(entry.owner)
    claim = Entry(Stage.CLAIMING, secrets.token_hex(8), local.me.name, source=source, trusted=trusted)
    local.journal.write(claim)
    return claim


async def _win(local: Local, reach: Reach, clock: Clock, claim: Entry) -> Sequence[str]:
    end = clock.monotonic() + SECONDS
    while True:
        said = await survey(reach, claims.claim(claim.token, claim.owner))
        if said.taken:
            raise Conflict("; ".join(said.taken), remedy="this node joins that cluster by itself")
        if not said.hollow and 2 * (said.promised(claim.token) + 1) > len(reach.others) + 1:
            stage = Stage.RESTORING if claim.source else Stage.BOOTSTRAP
            local.journal.write(Entry(stage, claim.token, claim.owner, source=claim.source, trusted=claim.trusted))
            return said.silent
        if await _cleared(reach, said, claim.token):
            continue
        _check(said, claim, clock.monotonic() >= end)
        await clock.sleep(EVERY)


def _check(said: Survey, claim: Entry, late: bool) -> None:
    """Raises what stands in the way, unless it goes away by itself."""
    if said.hollow:
        named = ", ".join(each.name for each in said.hollow)
        raise Conflict(f"{named} lost the data of a cluster that others may have: {_silent(said)}")
    rivals = said.rivals(claim.token)
    if not rivals:
        raise NotReady(f"a majority of the control planes is needed to begin; silent: {_silent(said)}")
    if late or (rivals[0].owner, rivals[0].token) < (claim.owner, claim.token):
        raise _other(rivals[0].owner)


async def _cleared(reach: Reach, said: Survey, token: str) -> bool:
    """Have the others forget what nobody needs any more; whether there was anything."""
    if said.hollow and not said.silent:
        await survey(reach, claims.release(""))
        return True
    void = await claims.void(reach, {each.token for each in said.rivals(token)})
    await asyncio.gather(*(survey(reach, claims.release(each)) for each in void))
    return bool(void)


async def _clear_here(local: Local, reach: Reach) -> None:
    """The same for this node itself."""
    entry = local.journal.entry
    if entry.stage is Stage.PROMISED:
        idle = entry.token in await claims.void(reach, {entry.token})
    elif entry.stage in claims.HOLLOW and not local.has_data:
        said = await survey(reach, claims.look)
        idle = not said.silent and not said.taken
    else:
        return
    if idle and local.journal.entry is entry:
        local.journal.write(Entry())


def _other(owner: str) -> Conflict:
    return Conflict(f"{owner} bootstraps this cluster", remedy=f"look after {owner}")


def _silent(said: Survey) -> str:
    return "; ".join(said.silent)
