"""The four shapes that nearly every controller has. Each takes one function and answers a Controller:

transform  each A makes at most one B                 merge    many A of one name make one A or B, by layer
apply      each A is made true in the kernel          observe  what the kernel says becomes all the A there are"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from core.base.errors import IchorError
from core.state.controller import Controller, Input, Output, exclusive, strong, weak
from core.state.metadata import Kind
from core.state.resource import Resource, Spec
from core.state.scope import Scope

A = TypeVar("A", bound=Spec)
B = TypeVar("B", bound=Spec)


def transform(
    name: str,
    source: type[A] | Kind[A],
    target: type[B],
    function: Callable[[Resource[A], Scope], B | None],
    *,
    also: Sequence[Input] = (),
    rename: Callable[[Resource[A]], str] = lambda source: source.md.id,
    output: Output | None = None,
) -> Controller:
    """For each running A, the B that `function` makes of it (None: none), under the same id unless `rename`d. `also`
    are further inputs which the function reads through the scope."""
    kind = _kind(source)

    async def reconcile(scope: Scope) -> None:
        wanted: dict[str, B] = {}
        for resource in scope.list(kind):
            made = None if resource.md.tearing_down else function(resource, scope)
            if made is not None:
                wanted[rename(resource)] = made
        scope.sync(target.all(), wanted)

    return _Shape(name, (weak(kind), *also), (output or exclusive(target),), reconcile)


def merge(
    name: str,
    source: Kind[A],
    target: type[B],
    combine: Callable[[Sequence[Resource[A]]], B],
    *,
    key: Callable[[Resource[A]], str],
    order: Callable[[Resource[A]], int],
    output: Output | None = None,
) -> Controller:
    """For each `key`, the B that `combine` makes of the running As with that key, lowest `order` (layer) first."""

    async def reconcile(scope: Scope) -> None:
        groups: dict[str, list[Resource[A]]] = defaultdict(list)
        for resource in scope.list(source):
            if not resource.md.tearing_down:
                groups[key(resource)].append(resource)
        scope.sync(target.all(), {k: combine(sorted(group, key=order)) for k, group in groups.items()})

    return _Shape(name, (weak(source),), (output or exclusive(target),), reconcile)


def apply(
    name: str,
    source: type[A] | Kind[A],
    effect: Callable[[Resource[A], Scope], Awaitable[None]],
    undo: Callable[[Resource[A], Scope], Awaitable[None]],
    *,
    status: tuple[type[B], Callable[[Resource[A]], B]] | None = None,
    also: Sequence[Input] = (),
    work: Callable[[Scope], Awaitable[None]] | None = None,
) -> Controller:
    """Each A holds: `effect` makes it so (it must be idempotent, for it is called at every change of any input), `undo`
    takes it back before A may vanish. `status` is what is published of an A in effect. One A that fails does not keep
    the others from their turn; the failures are raised together afterwards."""
    kind = _kind(source)

    async def one(resource: Resource[A], scope: Scope) -> None:
        if not resource.md.tearing_down:
            scope.hold(resource.md.pointer)
            await effect(resource, scope)
            if status is not None:
                scope.put(resource.md.id, status[1](resource))
        elif scope.name in resource.md.finalizers:
            if status is None or scope.remove(status[0].at(resource.md.id)):
                await undo(resource, scope)
                scope.release(resource.md.pointer)

    async def reconcile(scope: Scope) -> None:
        failures: list[Exception] = []
        for resource in scope.list(kind):
            try:
                await one(resource, scope)
            except (OSError, IchorError) as failure:
                failures.append(failure)
        if failures:
            raise failures[0] if len(failures) == 1 else ExceptionGroup("; ".join(map(str, failures)), failures)

    outputs = () if status is None else (exclusive(status[0]),)
    return _Shape(name, (strong(kind), *also), outputs, reconcile, work)


def observe(
    name: str,
    target: type[A],
    look: Callable[[Scope], Awaitable[Mapping[str, A]]],
    changes: Callable[[], AsyncIterator[object]] | None = None,
    *,
    also: Sequence[Input] = (),
) -> Controller:
    """All the As there are, by id, as `look` sees them: at the start, when an input changes, and at each of `changes`
    (many that come together count as one)."""

    async def reconcile(scope: Scope) -> None:
        scope.sync(target.all(), await look(scope))

    async def work(scope: Scope) -> None:
        if changes is not None:
            async for _ in changes():
                scope.wake()

    return _Shape(name, tuple(also), (exclusive(target),), reconcile, work)


class _Shape(Controller):
    def __init__(
        self,
        name: str,
        inputs: tuple[Input, ...],
        outputs: tuple[Output, ...],
        reconcile: Callable[[Scope], Awaitable[None]],
        work: Callable[[Scope], Awaitable[None]] | None = None,
    ) -> None:
        self.name, self.inputs, self.outputs = name, inputs, outputs
        self._reconcile, self._work = reconcile, work

    async def reconcile(self, scope: Scope) -> None:
        await self._reconcile(scope)

    async def work(self, scope: Scope) -> None:
        if self._work is not None:
            await self._work(scope)


def _kind(source: type[A] | Kind[A]) -> Kind[A]:
    return source if isinstance(source, Kind) else source.all()
