"""How exactly one node begins the cluster, when it was asked to, however many were asked at once.

A node that is to bootstrap makes a token of its own and claims: it writes the claim down, then asks every other
configured control plane to promise that it lets nobody else bootstrap (`waiting`). It goes on only with the promises
of a majority of all that are configured, itself among them; and never when one of them has data.

Why that holds. A promise is on disk before it is told, and a node has one at most, its own claim included. Two
majorities of one list have a node in common, which promised to one of them alone. Nobody takes a promise back by
himself: it is released by the one whose it is, once that one has written down that it gave up, and a token that was
given up is never used again; or on the word of a third, to whom that one said that it knows no such token, while
nobody in the list was silent. Who has begun has data or is in a stage that says so, and whoever sees it gives up.

Nobody waits for ever. Of two that stand in each other's way, the one whose (name, token) comes later gives up, so the
first gets all promises at its next round; who has a majority goes on in any order. Killed while it claims, a node
claims on with its token; killed after, it begins. Across a partition at most one side has a majority, and the other is
told whom it misses.

What cannot be held: lists of control planes of which no two majorities meet; and a node that was wiped, promise and
all, after the cluster was begun with its promise, while those who have the data are cut off."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from core.base.clock import Clock
from core.base.errors import AlreadyExists, Conflict, NotReady
from core.cluster.etcd.client import Etcd
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.reach import Reach
from core.rpc.pb.etcd import claims_pb2 as pb
from core.rpc.status import Code, RpcError

SECONDS: Final = 20.0  # a rival that has to give up does so within a round or two of its own
EVERY: Final = 0.2
_NO_PLACE: Final = frozenset({Stage.FREE, Stage.PROMISED, Stage.CLAIMING})
Ask = Callable[[Etcd], Awaitable[pb.Standing]]
LOOK: Final[Ask] = lambda etcd: etcd.claims("Look", pb.LookRequest())  # noqa: E731 - one of three, the others take tokens


@dataclass(frozen=True, slots=True)
class Survey:
    """What the others said of a claim: who has data or more (with what), who stands where, who is silent (with why)."""

    taken: Sequence[str]
    standings: Sequence[tuple[Etcd, pb.Standing]]
    silent: Sequence[str]

    def promised(self, token: str) -> int:
        """How many let `token` bootstrap."""
        return sum(said.token == token for _, said in self.standings)

    def rivals(self, token: str) -> list[pb.Standing]:
        """Those who have promised something else."""
        return [said for _, said in self.standings if said.token not in ("", token)]


async def bootstrap(
    local: Local, reach: Reach, clock: Clock, *, source: str = "", trusted: bool = False
) -> Sequence[str]:
    """Win the right to begin the cluster: on return the journal says BOOTSTRAP, or RESTORING with the snapshot
    `source`, and whoever waits for that starts etcd. The control planes that did not answer, with why.

    Raises AlreadyExists when this node has data or a place in a cluster; Conflict when another has, or bootstraps;
    NotReady when too many are silent to rule that out. Then nothing is left of the claim.
    """
    if local.journal.entry.stage is Stage.PROMISED:
        await _forget(local, reach)
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
    """Never use the token again, then tell the others so; who is silent asks when it matters."""
    token = local.journal.entry.token
    local.journal.write(Entry())
    await asyncio.gather(*(_ask(etcd, _release(token)) for etcd in reach.others))


def _begin(local: Local, source: str, trusted: bool) -> Entry:
    entry = local.journal.entry
    if local.has_data or entry.stage not in _NO_PLACE:
        raise AlreadyExists(f"etcd on this node is {entry.stage}", remedy="reset the node to give its data up")
    if entry.stage is Stage.CLAIMING:
        raise Conflict("this node bootstraps already")
    if entry.stage is Stage.PROMISED:
        raise Conflict(f"{entry.owner} bootstraps this cluster", remedy=f"look after {entry.owner}")
    claim = Entry(Stage.CLAIMING, secrets.token_hex(8), local.me.name, source=source, trusted=trusted)
    local.journal.write(claim)
    return claim


async def _win(local: Local, reach: Reach, clock: Clock, claim: Entry) -> Sequence[str]:
    end = clock.monotonic() + SECONDS
    while True:
        said = await survey(reach, _claim(claim))
        if said.taken:
            raise Conflict("; ".join(said.taken), remedy="this node joins that cluster by itself")
        if 2 * (said.promised(claim.token) + 1) > len(reach.others) + 1:
            stage = Stage.RESTORING if claim.source else Stage.BOOTSTRAP
            local.journal.write(Entry(stage, claim.token, claim.owner, source=claim.source, trusted=claim.trusted))
            return said.silent
        rivals = said.rivals(claim.token)
        first = min(rivals, key=_order, default=None)
        if first is None:
            raise NotReady(
                f"{len(said.silent)} of the other {len(reach.others)} control planes are silent, and may have begun a "
                f"cluster: {'; '.join(said.silent)}"
            )
        if await _cleared(reach, {each.token for each in rivals}):
            continue
        if _order(first) < (claim.owner, claim.token) or clock.monotonic() >= end:
            raise Conflict(f"{first.owner} bootstraps this cluster", remedy=f"look after {first.owner}")
        await clock.sleep(EVERY)


async def _forget(local: Local, reach: Reach) -> None:
    """Free this node of a promise that nobody needs any more."""
    entry = local.journal.entry
    if entry.token in await _void(reach, {entry.token}) and local.journal.entry == entry:
        local.journal.write(Entry())


async def _cleared(reach: Reach, tokens: Collection[str]) -> bool:
    """Have promises released that nobody needs any more; whether there were any."""
    void = await _void(reach, tokens)
    for token in void:
        await survey(reach, _release(token))
    return bool(void)


async def _void(reach: Reach, tokens: Collection[str]) -> Collection[str]:
    """Which of `tokens`, all seen before this call, nobody claims: a claim is written before any promise of it."""
    said = await survey(reach, LOOK)
    if said.silent or said.taken:
        return ()
    return {*tokens} - {each.token for _, each in said.standings if each.stage == Stage.CLAIMING}


def _order(said: pb.Standing) -> tuple[str, str]:
    return said.owner, said.token


async def survey(reach: Reach, ask: Ask) -> Survey:
    """Ask all others at once."""
    etcds = reach.others
    answers = await asyncio.gather(*(_ask(etcd, ask) for etcd in etcds))
    taken, standings, silent = [], [], []
    for etcd, answer in zip(etcds, answers, strict=True):
        if isinstance(answer, pb.Standing):
            if answer.data or answer.stage not in _NO_PLACE:
                taken.append(f"{answer.name} ({etcd.address}) has a place in etcd ({answer.stage})")
            else:
                standings.append((etcd, answer))
        elif answer.code is Code.UNIMPLEMENTED:
            taken.append(f"{etcd.address} runs etcd{await _cluster(etcd)}")
        else:
            silent.append(f"{etcd.address}: {answer}")
    return Survey(taken, standings, silent)


async def _cluster(etcd: Etcd) -> str:
    """Of which cluster, for the message alone."""
    try:
        return f", cluster {(await etcd.status()).header.cluster_id:016x}"
    except RpcError:
        return ""


async def _ask(etcd: Etcd, ask: Ask) -> pb.Standing | RpcError:
    try:
        return await ask(etcd)
    except RpcError as error:
        return error


def _claim(claim: Entry) -> Ask:
    return lambda etcd: etcd.claims("Claim", pb.ClaimRequest(token=claim.token, name=claim.owner))


def _release(token: str) -> Ask:
    return lambda etcd: etcd.claims("Release", pb.ReleaseRequest(token=token))
