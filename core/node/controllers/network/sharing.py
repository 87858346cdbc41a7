"""OperatorSpec (vip) -> AddressSpec (layer operator), SharedAddress: an address that the control planes share. They
elect who has it in etcd, each on a lease of its own.

No two have it for longer than a lease lasts. The address is on the link for no longer than the lease allows, by the
kernel's own clock (`AddressApply`), so that a machined that is dead or frozen keeps it from nobody. It goes off the
link before the lease is given back, which happens at once when the node is about to go down, when its etcd is not
well, when the link has no carrier, and when the config wants it no more; other members take the lease back in place
of one that is dead. A machined that was killed finds its candidacy again by the member's name."""

import asyncio
import logging
from functools import partial
from typing import Final

from core.base.backoff import Backoff
from core.base.errors import NotReady
from core.cluster.etcd.client import any_of
from core.cluster.etcd.election import Candidate, enter
from core.cluster.etcd.lease import Lease, revoke
from core.node.etcd.place import Place
from core.node.resources.network import (
    CONFIG_NAMESPACE,
    AddressSpec,
    AddressStatus,
    ConfigLayer,
    Family,
    LinkStatus,
    Operator,
    OperatorSpec,
    SharedAddress,
    layered,
)
from core.node.resources.runtime import MachineStage, MachineStatus
from core.node.resources.services import Service
from core.rpc.status import Code, RpcError
from core.state import Controller, Scope, exclusive, shared, weak

_log = logging.getLogger("vip")
PREFIX: Final = b"talos:v1:vip:election:"  # the format's: nodes of both makes may share an address
SECONDS: Final = 10
LAYER: Final = ConfigLayer.OPERATOR
_ETCD: Final = Service.at("etcd")
_MACHINE: Final = MachineStatus.at("machine")
_STAYING: Final = (MachineStage.BOOTING, MachineStage.RUNNING)
Key = tuple[str, str]  # link name, address with its prefix


class SharedAddresses(Controller):
    """Stands in an election for each, beside `reconcile`, for as long as this node could serve what comes there.
    `seconds` is how long a lease lasts."""

    name = "network.SharedAddressController"
    inputs = (weak(OperatorSpec), weak(LinkStatus), weak(AddressStatus), weak(_ETCD), weak(_MACHINE))
    outputs = (shared(AddressSpec), exclusive(SharedAddress))

    def __init__(self, place: Place, seconds: int = SECONDS) -> None:
        self._place, self._seconds = place, seconds
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._ending: set[Key] = set()
        self._held: dict[Key, float] = {}  # until when, by the lease
        self._clearing: dict[Key, asyncio.Event] = {}

    async def work(self, scope: Scope) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                scope.wake()
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._running.clear()
            self._held.clear()

    async def reconcile(self, scope: Scope) -> None:
        wanted = self._wanted(scope)
        for key in self._running.keys() - wanted - self._ending:
            self._ending.add(key)
            self._running[key].cancel()
        for key in wanted - self._running.keys() if self._group is not None else ():
            self._begin(key, scope)
        held = {layered(LAYER, "vip", *key): _address(*key) for key in self._held}
        scope.sync(SharedAddress.all(), {"/".join(key): self._standing(key) for key in self._running})
        scope.sync(AddressSpec.all(CONFIG_NAMESPACE), held)
        for key, cleared in self._clearing.items():
            if scope.find(AddressStatus.at("/".join(key))) is None:
                cleared.set()

    def _standing(self, key: Key) -> SharedAddress:
        until = self._held.get(key, 0.0)
        return SharedAddress(address=key[1], link_name=key[0], held=key in self._held, until=until)

    def _wanted(self, scope: Scope) -> set[Key]:
        """What this node may stand for now."""
        etcd, machine = scope.find(_ETCD), scope.find(_MACHINE)
        if etcd is None or not (etcd.spec.running and etcd.spec.healthy):
            return set()
        if machine is None or machine.spec.stage not in _STAYING:
            return set()
        found = set()
        for resource in scope.list(OperatorSpec.all()):
            spec, link = resource.spec, scope.find(LinkStatus.at(resource.spec.link_name))
            if spec.operator is Operator.VIP and spec.vip is not None and link is not None and link.spec.link_state:
                found.add((spec.link_name, f"{spec.vip.ip}/{128 if ':' in spec.vip.ip else 32}"))
        return found

    def _begin(self, key: Key, scope: Scope) -> None:
        def ended(_: asyncio.Task[None]) -> None:
            self._running.pop(key, None)
            self._ending.discard(key)
            scope.wake()

        assert self._group is not None
        task = self._group.create_task(self._run(key, scope), name=f"election of {key[1]}")
        self._running[key] = task
        task.add_done_callback(ended)

    async def _run(self, key: Key, scope: Scope) -> None:
        """One candidacy after another."""
        backoff = Backoff()
        while True:
            began = scope.clock.monotonic()
            try:
                await self._stand(key, scope)
            except* (RpcError, NotReady) as errors:
                _log.warning("%s: the election begins anew: %s", key[1], errors.exceptions[0])
            await scope.clock.sleep(backoff.failed(scope.clock.monotonic() - began))

    async def _stand(self, key: Key, scope: Scope) -> None:
        """Until the lease is gone or nobody wants it any more. Raises RpcError, NotReady, or a group of them."""
        prefix, name = PREFIX + key[1].partition("/")[0].encode(), self._place.spec.name.encode()
        candidate = await enter(self._place.own, prefix, name, scope.clock, self._seconds)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(candidate.lease.keep(partial(self._renewed, key, candidate.lease, scope)))
                await self._win(key, candidate, scope)
        finally:
            await self._give_up(key, candidate.lease, scope)

    async def _win(self, key: Key, candidate: Candidate, scope: Scope) -> None:
        await candidate.elected()
        _log.info("%s: is on %s of this node from now on", key[1], key[0])
        self._held[key] = candidate.lease.until
        scope.wake()

    def _renewed(self, key: Key, lease: Lease, scope: Scope) -> None:
        if key in self._held:
            self._held[key] = lease.until
            scope.wake()

    async def _give_up(self, key: Key, lease: Lease, scope: Scope) -> None:
        """Off the link, then out of the election; what cannot be told to etcd it finds when the lease is over."""
        if self._held.pop(key, None) is not None:
            _log.info("%s: goes from %s", key[1], key[0])
            cleared = self._clearing[key] = asyncio.Event()
            scope.wake()
            try:
                async with asyncio.timeout(max(0.0, lease.until - scope.clock.monotonic())):
                    await cleared.wait()
            except TimeoutError:
                return
            finally:
                del self._clearing[key]
        try:
            async with self._place.reach() as reach:
                await any_of([self._place.own, *reach.others], lambda etcd: revoke(etcd, lease.number))
        except (NotReady, RpcError) as error:  # none may take the place of the cancellation that led here
            if not (isinstance(error, RpcError) and error.code is Code.NOT_FOUND):
                _log.info("%s: others have it when the lease is over: %s", key[1], error)


def _address(link: str, text: str) -> AddressSpec:
    family = Family.INET6 if ":" in text else Family.INET4
    return AddressSpec(address=text, link_name=link, family=family, announce_with_arp=True, config_layer=LAYER)
