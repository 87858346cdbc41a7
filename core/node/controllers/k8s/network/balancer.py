"""KubePrismConfig -> the balancer's process -> KubePrismStatuses. The process outlives machined; this tells it the API
servers' addresses, by name where the config has one, and hears how they are."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from ipaddress import ip_address
from typing import Final

from core.base.backoff import Backoff
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import KubePrismConfig, KubePrismEndpoint, KubePrismStatuses
from core.node.services.kubeprism import SOCKET, Address, Talk
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("kubeprism")
_CONFIG: Final = KubePrismConfig.at("k8s-loadbalancer-config")
_MACHINE: Final = MachineConfig.at(machineconfig.ACTIVE)
AGAIN: Final = 30.0  # seconds between questions for a name that nobody answers
ANEW: Final = 600.0  # and for one that somebody did


class Balancer(Controller):
    """`run` has the process run (True: anew, where it listens has changed), `rest` ends it. `path` is its socket."""

    name = "k8s.KubePrismController"
    inputs = (weak(_CONFIG), weak(_MACHINE))
    outputs = (exclusive(KubePrismStatuses),)

    def __init__(
        self, run: Callable[[bool], Awaitable[None]], rest: Callable[[], Awaitable[None]], path: str = SOCKET
    ) -> None:
        self._run, self._rest, self._path = run, rest, path
        self._where: Address | None = None  # where it listens, as this machined had it started
        self._upstreams: tuple[Address, ...] = ()
        self._changed = asyncio.Event()
        self._healthy: bool | None = None

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        if config is None:
            if scope.find(_MACHINE) is not None:  # a machined that was just started must not end what runs
                await self._end(scope)
            return
        spec = config.spec
        if self._where != (spec.host, spec.port):
            moved, self._where = self._where is not None, (spec.host, spec.port)
            await self._run(moved)
        upstreams = await self._resolve(scope, spec.endpoints)
        if upstreams != self._upstreams:
            self._upstreams = upstreams
            self._changed.set()
        if self._healthy is not None:
            scope.put("k8s-loadbalancer", KubePrismStatuses(host=f"{spec.host}:{spec.port}", healthy=self._healthy))

    async def _end(self, scope: Scope) -> None:
        scope.remove(KubePrismStatuses.at("k8s-loadbalancer"))
        self._where, self._upstreams, self._healthy = None, (), None
        await self._rest()

    async def _resolve(self, scope: Scope, endpoints: Sequence[KubePrismEndpoint]) -> tuple[Address, ...]:
        found: list[Address] = []
        for endpoint in endpoints:
            try:
                found += await _addresses(endpoint)
            except OSError as error:
                _log.warning("%s is not resolved: %s", endpoint.host, error)
                scope.later(AGAIN)
            else:
                if found[-1][0] != endpoint.host:
                    scope.later(ANEW)
        return tuple(dict.fromkeys(found))

    async def work(self, scope: Scope) -> None:
        backoff = Backoff()
        while True:
            if not self._upstreams:
                await self._changed.wait()
                self._changed.clear()
                continue
            began = scope.clock.monotonic()
            try:
                async with Talk(self._path) as talk, asyncio.TaskGroup() as group:
                    telling = group.create_task(self._tell(talk))
                    await self._hear(talk, scope)
                    telling.cancel()
            except* OSError as errors:
                _log.debug("the balancer is not there: %s", errors.exceptions[0])
            await scope.clock.sleep(backoff.failed(scope.clock.monotonic() - began))

    async def _tell(self, talk: Talk) -> None:
        while True:
            self._changed.clear()
            await talk.tell(self._upstreams)
            await self._changed.wait()

    async def _hear(self, talk: Talk, scope: Scope) -> None:
        async with aclosing(talk.hear()) as news:
            async for upstreams in news:
                healthy = any(upstream.state == "up" for upstream in upstreams)
                if healthy != self._healthy:
                    self._healthy = healthy
                    scope.wake()


async def _addresses(endpoint: KubePrismEndpoint) -> list[Address]:
    """An address as it is, without a thread that waits for a name server; a name's addresses."""
    try:
        ip_address(endpoint.host)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        return [(str(address[0]), endpoint.port) for *_, address in found]
    return [(endpoint.host, endpoint.port)]
