"""KernelParamDefaultSpec, KernelParamSpec -> /proc/sys -> KernelParamStatus. A parameter that is no longer asked
for gets back what it was. What belongs to the machine and not to the node is left alone in a container, and its
status says so."""

from pathlib import Path
from typing import Final

from core.base.errors import IchorError
from core.linux import sysctl
from core.linux.capabilities import Capabilities
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.runtime import (
    KernelParamDefaultSpec,
    KernelParamSpec,
    KernelParamStatus,
    LoadedKernelModule,
)
from core.state import Controller, Scope, exclusive, weak

CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)

DEFAULTS: Final = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.ip_local_reserved_ports": "50000,50001",
    "net.ipv4.tcp_keepalive_time": "600",
    "net.ipv4.tcp_keepalive_intvl": "60",
    "net.ipv6.conf.default.forwarding": "1",
    "net.ipv6.conf.default.accept_ra": "2",
}
# of the machine; a container's host keeps its own
MACHINE_DEFAULTS: Final = {
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "kernel.ctrl-alt-del": "0",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",  # kubelets refuse a kernel that goes on after one
    "kernel.pid_max": "262144",
    "vm.overcommit_memory": "1",
    "fs.inotify.max_user_instances": "8192",
    "fs.aio-max-nr": "1048576",
    "dev.tty.ldisc_autoload": "0",
    "dev.tty.legacy_tiocsti": "0",
    "fs.protected_symlinks": "1",
    "fs.protected_hardlinks": "1",
    "fs.protected_fifos": "2",
    "fs.protected_regular": "2",
    "fs.suid_dumpable": "0",
    "kernel.kptr_restrict": "2",
    "kernel.dmesg_restrict": "1",
    "kernel.perf_event_paranoid": "3",
    "kernel.randomize_va_space": "2",
    "kernel.yama.ptrace_scope": "2",
    "user.max_user_namespaces": "0",
    "kernel.unprivileged_bpf_disabled": "1",
    "net.core.bpf_jit_harden": "2",
    "vm.unprivileged_userfaultfd": "0",
}


def kernel_params(capabilities: Capabilities, root: Path = sysctl.ROOT) -> list[Controller]:
    """What is set by default, what the config asks for, and the one who sets it."""
    return [KernelParamDefaults(capabilities), KernelParamConfig(), KernelParams(capabilities, root)]


class KernelParamDefaults(Controller):
    """The node's own wishes. None of them is worth failing for: kernels differ in what they have."""

    name = "runtime.KernelParamDefaultsController"
    outputs = (exclusive(KernelParamDefaultSpec),)

    def __init__(self, capabilities: Capabilities) -> None:
        self._values = DEFAULTS | (MACHINE_DEFAULTS if capabilities.sysctl_machine else {})

    async def reconcile(self, scope: Scope) -> None:
        specs = {_id(k): KernelParamDefaultSpec(value=v, ignore_errors=True) for k, v in self._values.items()}
        scope.sync(KernelParamDefaultSpec.all(), specs)


class KernelParamConfig(Controller):
    """`machine.sysctls`."""

    name = "runtime.KernelParamConfigController"
    inputs = (weak(CONFIG),)
    outputs = (exclusive(KernelParamSpec),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(CONFIG)
        asked = machineconfig.of(config).v1alpha1.machine.sysctls if config is not None else {}
        scope.sync(KernelParamSpec.all(), {_id(key): KernelParamSpec(value=value) for key, value in asked.items()})


class KernelParams(Controller):
    """Sets them, those of a module when it has come. Remembers what each was before."""

    name = "runtime.KernelParamSpecController"
    inputs = (weak(KernelParamDefaultSpec), weak(KernelParamSpec), weak(LoadedKernelModule))
    outputs = (exclusive(KernelParamStatus),)

    def __init__(self, capabilities: Capabilities, root: Path = sysctl.ROOT) -> None:
        self._capabilities, self._root = capabilities, root
        self._before: dict[str, str] = {}

    async def reconcile(self, scope: Scope) -> None:
        wanted: dict[str, KernelParamDefaultSpec | KernelParamSpec] = {}
        wanted |= {r.md.id: r.spec for r in scope.list(KernelParamDefaultSpec.all())}
        wanted |= {r.md.id: r.spec for r in scope.list(KernelParamSpec.all())}
        for name in self._before.keys() - wanted.keys():
            sysctl.write(name, self._before.pop(name), self._capabilities, self._root)
        statuses: dict[str, KernelParamStatus] = {}
        failures: list[Exception] = []
        for name, spec in wanted.items():
            try:
                statuses[name] = self._set(name, spec.value)
            except (OSError, IchorError) as error:
                statuses[name] = KernelParamStatus(current="", unsupported=True)
                if not spec.ignore_errors:
                    failures.append(error)
        scope.sync(KernelParamStatus.all(), statuses)
        if failures:
            raise failures[0] if len(failures) == 1 else ExceptionGroup("kernel parameters", failures)

    def _set(self, name: str, value: str) -> KernelParamStatus:
        current = sysctl.read(name, self._root)
        if current is None or not sysctl.allowed(name, self._capabilities):
            return KernelParamStatus(current=current or "", unsupported=True)
        before = self._before.setdefault(name, current)
        if current.split() != value.split():
            sysctl.write(name, value, self._capabilities, self._root)
            current = sysctl.read(name, self._root) or ""
        return KernelParamStatus(current=current, default=before)


def _id(key: str) -> str:
    """The id of a sysctl key in either of its spellings: dots between parts, a slash for a dot within one."""
    slash, dot = key.find("/"), key.find(".")
    if slash >= 0 and (dot < 0 or slash < dot):
        key = ".".join(part.replace(".", "/") for part in key.split("/"))
    return f"proc.sys.{key}"
