"""Runs controllers: wakes each when an input changes, folds many changes into one call, retries what fails after a
growing delay, and keeps one failure from touching the others. Owns the only catch-all of the node's logic."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.base.errors import AlreadyExists, Conflict, IchorError
from core.state.account import Account
from core.state.controller import Controller, Input, Strength
from core.state.events import Event
from core.state.metadata import Kind, Metadata
from core.state.scope import Scope
from core.state.store import Store

log = logging.getLogger("controller")
FIRST_SECONDS: Final = 2.0  # then what has not come to rest is waiting for the world outside


class Runtime:
    """`register` all controllers, then `run` until cancelled."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._controllers: dict[str, tuple[Controller, Scope]] = {}
        self._writers: dict[str, tuple[str, bool]] = {}  # type -> one of its writers, shared
        self._readers: dict[Kind[Any], list[tuple[Input, Scope]]] = defaultdict(list)
        self._busy: set[str] = set()
        self._rested = asyncio.Event()
        self._late: asyncio.Task[None] | None = None

    @property
    def controllers(self) -> list[Controller]:
        """All of them, in the order of registration."""
        return [controller for controller, _ in self._controllers.values()]

    @property
    def accounts(self) -> list[Account]:
        """What each has done so far, in the same order."""
        return [scope.account for _, scope in self._controllers.values()]

    def register(self, controller: Controller) -> None:
        """Add it. Raises AlreadyExists for a name taken, Conflict for an output that has its one writer already,
        NotFound for an unknown type."""
        if controller.name in self._controllers:
            raise AlreadyExists(f"controller {controller.name} is registered twice")
        for output in controller.outputs:
            self._store.registry[output.type]
            other, is_shared = self._writers.get(output.type, ("", True))
            if other and not (is_shared and output.shared):
                raise Conflict(f"controller {controller.name} would write {output.type}, which {other} writes")
        for declared in controller.inputs:
            self._store.registry[declared.kind.type]
        scope = Scope(self._store, self._clock, controller)
        self._controllers[controller.name] = (controller, scope)
        self._writers |= {output.type: (controller.name, output.shared) for output in controller.outputs}
        for declared in controller.inputs:
            self._readers[declared.kind].append((declared, scope))

    async def rested(self) -> None:
        """Return once every controller has come to rest for the first time (or FIRST_SECONDS have passed): before that
        the store holds less than is known, and what is missing there may well exist."""
        await self._rested.wait()

    async def run(self) -> None:
        """Reconcile forever. Cancelling it ends every controller."""
        unsubscribe = self._store.subscribe(self._dispatch)
        self._busy = set(self._controllers)
        try:
            async with asyncio.TaskGroup() as group:
                self._late = group.create_task(self._rest_at_last(), name="first rest")
                for controller, scope in self._controllers.values():
                    group.create_task(self._reconciling(controller, scope), name=controller.name)
                    group.create_task(self._working(controller, scope), name=f"{controller.name}: work")
        finally:
            unsubscribe()

    def _dispatch(self, event: Event[Any]) -> None:
        assert event.resource is not None
        md = event.resource.md
        for declared, scope in self._readers.get(md.pointer.kind, ()):
            if _wakes(declared, md):
                scope.wake()
        let_go = event.old is not None and event.old.md.tearing_down and md.destroy_ready
        if let_go and md.owner in self._controllers:  # the owner finishes what it began
            self._controllers[md.owner][1].wake()

    async def _reconciling(self, controller: Controller, scope: Scope) -> None:
        attempt = _Attempt(controller.name, self._clock, scope.account)
        scope.wake()
        while True:
            self._rests(controller.name)
            await self._woken(scope)
            scope.woken.clear()
            scope.alarm = None
            self._busy.add(controller.name)
            began = self._clock.monotonic()
            scope.account.begun(began)
            delay = await attempt(partial(controller.reconcile, scope))
            scope.account.ended(self._clock.monotonic() - began)
            if delay is not None:
                self._rests(controller.name)
                await self._clock.sleep(delay)
                scope.wake()

    async def _working(self, controller: Controller, scope: Scope) -> None:
        attempt = _Attempt(f"{controller.name}: work", self._clock, scope.account)
        while (delay := await attempt(partial(controller.work, scope))) is not None:
            await self._clock.sleep(delay)

    def _rests(self, name: str) -> None:
        if self._rested.is_set():
            return
        self._busy.discard(name)
        if not self._busy and not any(scope.woken.is_set() for _, scope in self._controllers.values()):
            self._rested.set()
            if self._late is not None:
                self._late.cancel()

    async def _rest_at_last(self) -> None:
        await self._clock.sleep(FIRST_SECONDS)
        self._rested.set()

    async def _woken(self, scope: Scope) -> None:
        if scope.alarm is None:
            await scope.woken.wait()
            return
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._ring(scope, scope.alarm))
            await scope.woken.wait()
            alarm.cancel()

    async def _ring(self, scope: Scope, seconds: float) -> None:
        await self._clock.sleep(seconds)
        scope.wake()


class _Attempt:
    """Calls something that may fail; answers None, or the delay after which to call it again. A failure is logged when
    it first happens and when its text changes, not at each retry."""

    def __init__(self, name: str, clock: Clock, account: Account) -> None:
        self._name, self._clock, self._account = name, clock, account
        self._backoff = Backoff()
        self._said = ""

    async def __call__(self, call: Callable[[], Awaitable[None]]) -> float | None:
        began = self._clock.monotonic()
        try:
            await call()
        except Exception as error:  # noqa: BLE001 - the controller runner: whatever a controller raises ends here
            self._account.failures += 1
            delay = self._backoff.failed(self._clock.monotonic() - began)
            self._report(error, delay)
            return delay
        if self._said:
            log.info("%s: well again", self._name)
            self._said = ""
        self._backoff.succeeded()
        return None

    def _report(self, error: Exception, delay: float) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self._said:
            trace = None if isinstance(error, IchorError | OSError) else error  # those are not bugs
            log.error("%s failed, next try in %.1f s: %s", self._name, delay, text, exc_info=trace)
            self._said = text


def _wakes(declared: Input, md: Metadata) -> bool:
    if declared.id is not None and declared.id != md.id:
        return False
    return declared.strength is not Strength.DESTROY_READY or md.destroy_ready
