"""A lease of etcd: what hangs on it goes when nobody renews it any more. Owns its life as this node may count on it:
etcd counts from the moment it hears, this node from the moment it asked, so that ours is always over first."""

from collections.abc import Callable
from typing import Final, NoReturn

from core.base.clock import Clock
from core.base.errors import NotReady
from core.cluster.etcd.client import SOON, Etcd
from core.rpc.pb.etcd import rpc_pb2 as pb
from core.rpc.status import RpcError

_BRIEF: Final = 0.05  # s: less is no time to ask anything


class Lease:
    """`number` is etcd's name of it; `until` (monotonic s) what hangs on it is there for certain."""

    def __init__(self, etcd: Etcd, clock: Clock, number: int, seconds: float = 0.0, until: float = 0.0) -> None:
        self.number, self.until = number, until
        self._etcd, self._clock, self._seconds = etcd, clock, seconds

    async def renew(self, timeout: float) -> bool:
        """Have it last its whole time from now on; False when etcd has it no more. Raises RpcError."""
        asked = self._clock.monotonic()
        request = pb.LeaseKeepAliveRequest(ID=self.number)  # a stream in etcd's eyes: one with one request
        reply = await self._etcd.call("Lease/LeaseKeepAlive", request, pb.LeaseKeepAliveResponse, timeout)
        if reply.TTL <= 0:
            return False
        self._seconds, self.until = float(reply.TTL), asked + reply.TTL
        return True

    async def keep(self, renewed: Callable[[], None]) -> NoReturn:
        """Renew it three times in its life, and say so each time. Raises NotReady when it is gone, or `until` is."""
        trouble = "it was not renewed in time"
        while True:
            left = self.until - self._clock.monotonic()
            await self._clock.sleep(min(self._seconds / 3, left))
            while (left := self.until - self._clock.monotonic()) > _BRIEF:
                try:
                    if not await self.renew(min(self._seconds / 3, left)):
                        raise NotReady("etcd has the lease no more")
                except RpcError as error:
                    trouble = str(error)
                    await self._clock.sleep(min(SOON, self.until - self._clock.monotonic()))
                else:
                    renewed()
                    break
            else:
                raise NotReady(f"the lease is over: {trouble}")


async def grant(etcd: Etcd, clock: Clock, seconds: int) -> Lease:
    """A new one; etcd may give it more time. Raises RpcError."""
    asked = clock.monotonic()
    reply = await etcd.call("Lease/LeaseGrant", pb.LeaseGrantRequest(TTL=seconds), pb.LeaseGrantResponse)
    return Lease(etcd, clock, reply.ID, reply.TTL, asked + reply.TTL)


async def revoke(etcd: Etcd, number: int) -> None:
    """End one, and what hangs on it, at once. Raises RpcError, NOT_FOUND when there is none."""
    await etcd.call("Lease/LeaseRevoke", pb.LeaseRevokeRequest(ID=number), pb.LeaseRevokeResponse)
