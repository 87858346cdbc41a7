"""The kernel's command line, parameters and modules."""

import msgspec

from core.node.resources.values import Named
from core.state import Column, Spec, resource


class KernelModuleState(Named):
    """As /proc/modules says."""

    LIVE = 0
    LOADING = 1
    UNLOADING = 2
    BUILTIN = 3


class KernelModuleType(Named):
    """Where a module's code is."""

    UNKNOWN = 0
    BUILTIN = 1
    DYNAMIC = 2


@resource(
    "KernelCmdlines.runtime.talos.dev", "runtime", aliases=("cmdline",), columns=(Column("Cmdline", "{.cmdline}"),)
)
class KernelCmdline(Spec, frozen=True):
    """/proc/cmdline (id `cmdline`)."""

    cmdline: str


@resource("KernelParamSpecs.runtime.talos.dev", "runtime")
class KernelParamSpec(Spec, frozen=True):
    """A kernel parameter shall have this value; the id is its path with dots ("proc.sys.net.ipv4.ip_forward")."""

    value: str
    ignore_errors: bool = False


@resource("KernelParamDefaultSpecs.runtime.talos.dev", "runtime")
class KernelParamDefaultSpec(Spec, frozen=True):
    """The same, by default; a KernelParamSpec of the same id wins."""

    value: str
    ignore_errors: bool = False


@resource(
    "KernelParamStatuses.runtime.talos.dev",
    "runtime",
    aliases=("sysctls", "kernelparameters", "kernelparams"),
    columns=(
        Column("Current", "{.current}"),
        Column("Default", "{.default}"),
        Column("Unsupported", "{.unsupported}"),
    ),
)
class KernelParamStatus(Spec, frozen=True):
    """What a parameter is now, and was before we touched it."""

    current: str
    default: str = ""
    unsupported: bool = False


@resource("KernelModuleSpecs.runtime.talos.dev", "runtime")
class KernelModuleSpec(Spec, frozen=True):
    """A module shall be loaded. (The YAML name is what the format's first release called it.)"""

    name: str = msgspec.field(name="string")
    parameters: tuple[str, ...] = ()


@resource(
    "KernelModuleStatuses.runtime.talos.dev",
    "runtime",
    aliases=("module", "modules"),
    columns=(Column("Type", "{.type}"), Column("State", "{.state}"), Column("Size", "{.size}")),
)
class KernelModuleStatus(Spec, frozen=True):
    """A module that the kernel has, built in or loaded."""

    type: KernelModuleType = KernelModuleType.DYNAMIC
    size: int = 0
    reference_count: int = 0
    dependencies: tuple[str, ...] = ()
    state: KernelModuleState = KernelModuleState.LIVE
    address: str = ""


@resource(
    "LoadedKernelModules.runtime.talos.dev",
    "runtime",
    columns=(Column("State", "{.state}"), Column("Size", "{.size}"), Column("References", "{.referenceCount}")),
)
class LoadedKernelModule(Spec, frozen=True):
    """A line of /proc/modules."""

    size: int = 0
    reference_count: int = 0
    dependencies: tuple[str, ...] = ()
    state: str = "Live"
    address: str = ""
