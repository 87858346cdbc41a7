"""MachineType -> trustd runs, or does not: nodes join through control planes."""

from collections.abc import Callable

from core.node.resources.config import MachineTypeSpec
from core.state import Controller, Scope, weak


class Trustd(Controller):
    """Says so through `want`, as soon as it is known what this machine is."""

    name = "runtime.TrustdController"
    inputs = (weak(MachineTypeSpec.at("machine-type")),)

    def __init__(self, want: Callable[[bool], None]) -> None:
        self._want = want
        self._said: bool | None = None

    async def reconcile(self, scope: Scope) -> None:
        machine = scope.find(MachineTypeSpec.at("machine-type"))
        if machine is None:
            return  # a machined that was just started must not end what runs
        wanted = machine.spec.machine_type.control_plane
        if wanted != self._said:
            self._want(wanted)
            self._said = wanted
