"""Which resources a caller may read over the API. Writing is for controllers alone."""

from collections.abc import Collection
from typing import Any, Final

from core.base.errors import Denied
from core.node.api.roles import ADMIN
from core.state import Kind, Store
from core.state.meta import Namespace

NOT_AUTHORIZED: Final = "not authorized"
READ_ONLY: Final = "write access is not allowed"


def check_read(store: Store, kind: Kind[Any], roles: Collection[str]) -> None:
    """Refuse unknown types and namespaces, and sensitive types to all but os:admin. Raises Denied: what does not exist
    is not told apart from what may not be seen."""
    if kind.type not in store.registry:
        raise Denied(f"resource type {kind.type!r} is not registered")
    if store.find(Namespace.at(kind.namespace)) is None:
        raise Denied(f"namespace {kind.namespace!r} is not registered")
    if store.registry[kind.type].sensitive and ADMIN not in roles:
        raise Denied(NOT_AUTHORIZED)
