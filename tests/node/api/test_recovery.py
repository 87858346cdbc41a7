"""What recovery does between two processes of etcd, where that is seen from one node alone."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from core.cluster.etcd.journal import Entry, Stage
from core.node.api.recovery import Recovery
from core.node.etcd.gap import Gap
from core.rpc.pb.recovery import recovery_pb2 as pb
from tests.support.clock import on_loop, settle


@on_loop
async def test_nothing_is_given_up_for_somebody_who_went_away_before_etcd_had_ended() -> None:
    written: list[Entry] = []
    journal = SimpleNamespace(entry=Entry(Stage.MEMBER, cluster=1, member=2), write=written.append)
    local = SimpleNamespace(me=SimpleNamespace(name="a"), has_data=True, journal=journal)
    place = SimpleNamespace(check=lambda: None, local=local, gap=Gap())
    ended = asyncio.Event()

    async def renew(name: str) -> None:
        await ended.wait()

    node: Any = SimpleNamespace(etcd=place, services=SimpleNamespace(renew=renew))
    request = pb.ForsakeRequest(told=pb.Data(cluster=1, member=2))
    gone = asyncio.ensure_future(Recovery(node).forsake(None, request))
    await settle()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await place.gap.work()
    assert not written
    ended.set()
    stays = asyncio.ensure_future(Recovery(node).forsake(None, request))
    await settle()
    await place.gap.work()
    await stays
    assert [entry.stage for entry in written] == [Stage.REMOVED]
