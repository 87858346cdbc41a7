"""What a caller on machined's socket may do: who it is, by what apid says or because the node has no config yet, which
calls it may make, which resources it may read. Writing resources is for controllers alone."""

from collections.abc import Collection
from typing import Any, Final

from core.base.errors import Denied
from core.node.api.roles import ADMIN, NOT_AUTHORIZED, READER, allowed, forwarded
from core.node.machineconfig import ACTIVE
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.rpc.context import Context
from core.state import Kind, Store
from core.state.meta import Namespace

READ_ONLY: Final = "write access is not allowed"


def in_maintenance(store: Store) -> bool:
    """Whether every place was looked at and there is no config."""
    looked = store.find(AcquireConfigStatus.at("config")) is not None
    return looked and store.find(MachineConfig.at(ACTIVE)) is None


def roles(store: Store, ctx: Context) -> frozenset[str]:
    """The roles of apid's caller. A stranger has none, and in maintenance those of a reader: that is decided here and
    at this moment, for apid learns only later that the node has a config."""
    named = forwarded(ctx.metadata)
    return named or (frozenset({READER}) if in_maintenance(store) else frozenset())


def check_call(store: Store, ctx: Context) -> None:
    """Refuse whoever may not make this call now. Asked before each call; a handler that changes something asks again,
    because a request may come long after its call began. Raises Denied."""
    method, named = ctx.method, forwarded(ctx.metadata)
    if allowed(method, named):
        return
    if not in_maintenance(store) or not allowed(method, named or {READER}, maintenance=True):
        raise Denied(NOT_AUTHORIZED)


def check_read(store: Store, kind: Kind[Any], roles: Collection[str]) -> None:
    """Refuse unknown types and namespaces, and sensitive types to all but os:admin. Raises Denied: what does not exist
    is not told apart from what may not be seen."""
    if kind.type not in store.registry:
        raise Denied(f"resource type {kind.type!r} is not registered")
    if store.find(Namespace.at(kind.namespace)) is None:
        raise Denied(f"namespace {kind.namespace!r} is not registered")
    if store.registry[kind.type].sensitive and ADMIN not in roles:
        raise Denied(NOT_AUTHORIZED)
