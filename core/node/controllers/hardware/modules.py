"""Kernel modules as resources: which shall be loaded (config -> KernelModuleSpec), loading those, and which the kernel
has (LoadedKernelModule, KernelModuleStatus), seen anew whenever the kernel says that one came or went."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Final

from core.linux import modules
from core.linux.capabilities import Capabilities
from core.linux.modules import Module
from core.linux.tool import Run, runner
from core.linux.uevents import Listen
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.runtime import (
    KernelModuleSpec,
    KernelModuleState,
    KernelModuleStatus,
    KernelModuleType,
    LoadedKernelModule,
)
from core.node.resources.secrets import Kubelet
from core.state import Controller, Resource, Scope, apply, exclusive, observe, weak

KUBELET: Final = Kubelet.at("kubelet")
# what Kubernetes takes for granted and nothing asks the kernel for: rules that see what a bridge passes from pod to
# pod, and the table of connections, whose parameters kube-proxy writes before it makes its first rule
KUBERNETES: Final = ("br_netfilter", "nf_conntrack")


class ModuleConfig(Controller):
    """machine.kernel.modules, and what a node in a Kubernetes needs -> KernelModuleSpec by module name."""

    name = "runtime.KernelModuleConfigController"
    inputs = (weak(MachineConfig.at(machineconfig.ACTIVE)), weak(KUBELET))
    outputs = (exclusive(KernelModuleSpec),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(MachineConfig.at(machineconfig.ACTIVE))
        kernel = machineconfig.of(config).v1alpha1.machine.kernel if config is not None else None
        asked = kernel.modules if kernel is not None else ()
        needed = KUBERNETES if scope.find(KUBELET) is not None else ()
        wanted = {name: KernelModuleSpec(name=name) for name in needed}
        wanted |= {m.name: KernelModuleSpec(name=m.name, parameters=m.parameters) for m in asked}
        scope.sync(KernelModuleSpec.all(), wanted)


def module_loader(capabilities: Capabilities, run: Run = runner) -> Controller:
    """Loads what a KernelModuleSpec asks for. What is loaded stays: unloading a module in use is not ours to risk."""

    async def effect(resource: Resource[KernelModuleSpec], _: Scope) -> None:
        capabilities.need("modules")
        await modules.load(run, resource.spec.name, resource.spec.parameters)

    async def undo(_: Resource[KernelModuleSpec], __: Scope) -> None:
        return

    return apply("runtime.KernelModuleSpecController", KernelModuleSpec, effect, undo)


def loaded_modules(listen: Listen, proc: Path = Path("/proc")) -> Controller:
    """LoadedKernelModule by name, as /proc/modules has them."""

    async def look(_: Scope) -> Mapping[str, LoadedKernelModule]:
        return {m.name: _loaded(m) for m in modules.loaded(proc)}

    return observe("runtime.LoadedKernelModuleController", LoadedKernelModule, look, _changes(listen))


def module_statuses(listen: Listen, proc: Path = Path("/proc"), lib: Path = Path("/usr/lib/modules")) -> Controller:
    """KernelModuleStatus by name: the loaded ones and those built into the kernel."""
    builtin = modules.builtin(lib / os.uname().release)

    async def look(_: Scope) -> Mapping[str, KernelModuleStatus]:
        always = {
            name: KernelModuleStatus(type=KernelModuleType.BUILTIN, state=KernelModuleState.BUILTIN) for name in builtin
        }
        return always | {m.name: _status(m) for m in modules.loaded(proc)}

    return observe("runtime.KernelModuleStatusController", KernelModuleStatus, look, _changes(listen))


def _changes(listen: Listen) -> Callable[[], AsyncIterator[object]]:
    async def changes() -> AsyncIterator[object]:
        async for event in listen():
            if event is None or event.subsystem == "module":
                yield event

    return changes


def _loaded(module: Module) -> LoadedKernelModule:
    return LoadedKernelModule(
        size=module.size,
        reference_count=module.references,
        dependencies=module.users,
        state=module.state,
        address=module.address,
    )


def _status(module: Module) -> KernelModuleStatus:
    states = {"Live": KernelModuleState.LIVE, "Loading": KernelModuleState.LOADING}
    return KernelModuleStatus(
        size=module.size,
        reference_count=module.references,
        dependencies=module.users,
        state=states.get(module.state, KernelModuleState.UNLOADING),
        address=module.address,
    )
