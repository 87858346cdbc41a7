"""What the other control planes say of a bootstrap, asked of all at once (ichor.etcd.Claims). Owns the questions and
how answers are told apart; a host that runs etcd has no such service, which is an answer too. Decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from core.cluster.etcd.client import Etcd
from core.cluster.etcd.journal import Stage
from core.cluster.etcd.reach import Reach
from core.rpc.pb.etcd import claims_pb2 as pb
from core.rpc.status import Code, RpcError

Ask = Callable[[Etcd], Awaitable[pb.Standing]]
BEFORE: Final = frozenset({Stage.FREE, Stage.PROMISED, Stage.CLAIMING})
HOLLOW: Final = frozenset({Stage.JOINING, Stage.MEMBER})


@dataclass(frozen=True, slots=True)
class Survey:
    """What the others answered: who runs etcd, has data or is about to (told with what); who had a place in a cluster
    and no data (`hollow`); who may still be asked to promise; who is silent (with why)."""

    taken: list[str]
    hollow: list[pb.Standing]
    open: list[pb.Standing]
    silent: list[str]

    def promised(self, token: str) -> int:
        """How many let `token` bootstrap."""
        return sum(said.token == token for said in self.open)

    def rivals(self, token: str) -> list[pb.Standing]:
        """Those who have promised something else, those first whose it is by (owner, token)."""
        rivals = [said for said in self.open if said.token not in ("", token)]
        return sorted(rivals, key=lambda said: (said.owner, said.token))


async def look(etcd: Etcd) -> pb.Standing:
    """Where a node stands."""
    return await etcd.claims("Look", pb.LookRequest())


def claim(token: str, name: str) -> Ask:
    """Ask for the promise to let `token`, of the node `name`, bootstrap."""
    return lambda etcd: etcd.claims("Claim", pb.ClaimRequest(token=token, name=name))


def release(token: str) -> Ask:
    """Say that this promise is not needed; "": that the cluster in which a node had a place is no more."""
    return lambda etcd: etcd.claims("Release", pb.ReleaseRequest(token=token))


async def survey(reach: Reach, ask: Ask) -> Survey:
    """Ask all others at once."""
    etcds = reach.others
    answers = await asyncio.gather(*(_answer(etcd, ask) for etcd in etcds))
    said = Survey([], [], [], [])
    for etcd, answer in zip(etcds, answers, strict=True):
        if isinstance(answer, pb.Standing):
            _sort(said, answer)
        elif answer.code is Code.UNIMPLEMENTED:
            said.taken.append(f"{etcd.address} runs etcd{await _cluster(etcd)}")
        else:
            said.silent.append(f"{etcd.address}: {answer}")
    return said


async def void(reach: Reach, tokens: Collection[str]) -> Collection[str]:
    """Which of `tokens`, all seen before this call, nobody claims, when all answer and nobody has data. A claim is
    written before any promise of it is asked for, so whoever made one still has it, or gave it up."""
    said = await survey(reach, look)
    if said.silent or said.taken:
        return ()
    return {*tokens} - {each.token for each in said.open if each.stage == Stage.CLAIMING}


def _sort(said: Survey, answer: pb.Standing) -> None:
    if answer.stage in BEFORE and not answer.data:
        said.open.append(answer)
    elif answer.stage in HOLLOW and not answer.data:
        said.hollow.append(answer)
    else:
        said.taken.append(f"{answer.name} has a place in etcd ({answer.stage})")


async def _cluster(etcd: Etcd) -> str:
    """Of which cluster, for the message alone."""
    try:
        return f", cluster {(await etcd.status()).header.cluster_id:016x}"
    except RpcError:
        return ""


async def _answer(etcd: Etcd, ask: Ask) -> pb.Standing | RpcError:
    try:
        return await ask(etcd)
    except RpcError as error:
        return error
