"""Clients that write and read as long as a fault lasts: one register by all, for the history, and keys of their own,
each written once, for what must not be lost. Bounded in number, pace and patience; they go from member to member."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Final

from core.cluster.etcd.client import Etcd
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS
from tests.support.history import Op, lost, violation

CLIENTS: Final = 4
PATIENCE: Final = 2.0  # s; what takes longer has an outcome that nobody knows
PACE: Final = 0.01


@dataclass
class Load:
    """What was done to the register, and which keys of its own were `acknowledged`. Two in a row on one cluster have
    each a `name`, that nobody reads what the other wrote."""

    addresses: Sequence[str]
    tls: ClientTLS
    name: str = "load"
    pace: float = PACE
    ops: list[Op] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    stopped: bool = False

    async def run(self) -> None:
        """Until `stopped`."""
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._client(number))

    async def progress(self, count: int = 60) -> None:
        """Return when so many more calls have been answered that began after now."""
        since = monotonic_ns()
        while True:
            if sum(each.ended is not None and each.began > since for each in self.ops[-CLIENTS * count :]) >= count:
                return
            await asyncio.sleep(PACE)

    async def check(self) -> None:
        """Asserts that a register could have done what was seen, and that nothing acknowledged is lost."""
        async with Etcd(self.addresses[0], self.tls) as etcd:
            found = [key for key in self.acknowledged if await etcd.get(key) == key]
            last = await _read(etcd, self._register)
        assert last.ended is not None
        assert violation([*self.ops, last]) == ""
        assert not lost(self.acknowledged, found)

    async def _client(self, number: int) -> None:
        etcds = [Etcd(address, self.tls) for address in self.addresses]
        at, turn = number, 0
        try:
            while not self.stopped:
                turn += 1
                value = f"{self.name}/{number}-{turn}".encode()
                if not await self._turn(etcds[at % len(etcds)], value, turn):
                    at += 1
                await asyncio.sleep(self.pace)
        finally:
            for etcd in etcds:
                await etcd.close()

    @property
    def _register(self) -> bytes:
        return f"{self.name}/register".encode()

    async def _turn(self, etcd: Etcd, value: bytes, turn: int) -> bool:
        """A write of the register, a read of it, or a key of its own; whether it was answered."""
        if turn % 3 == 0:
            done = await _write(etcd, value, value)
            if done.ended is not None:
                self.acknowledged.append(value)
            return done.ended is not None
        register = self._register
        done = await _write(etcd, register, value) if turn % 3 == 1 else await _read(etcd, register)
        self.ops.append(done)
        return done.ended is not None


async def _write(etcd: Etcd, key: bytes, value: bytes) -> Op:
    began = monotonic_ns()
    try:
        async with asyncio.timeout(PATIENCE):
            await etcd.put(key, value)
    except (RpcError, TimeoutError):
        return Op(True, value, began, None)
    return Op(True, value, began, monotonic_ns())


async def _read(etcd: Etcd, register: bytes) -> Op:
    began = monotonic_ns()
    try:
        async with asyncio.timeout(PATIENCE):
            value = await etcd.get(register)
    except (RpcError, TimeoutError):
        return Op(False, None, began, None)
    return Op(False, value, began, monotonic_ns())
