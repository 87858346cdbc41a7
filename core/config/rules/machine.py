"""The machine: role and trust, kubelet arguments the node sets itself, encryption of features by role."""

import re
from collections.abc import Iterator
from typing import Final

from core.codec.reference import is_registry
from core.config.problems import Finding
from core.config.rules.base import Context, Rule, repeats
from core.config.schema.secrets import CertificatePair
from core.config.schema.words import words

_KUBELET_ARGS: Final = words(
    "bootstrap-kubeconfig kubeconfig container-runtime container-runtime-endpoint config cert-dir"
)
_KUBELET_CONFIG: Final = words(
    """
    apiVersion kind authentication authorization cgroupRoot kubeletCgroups systemCgroups port protectKernelDefaults
    resolvConf rotateCertificates staticPodPath seccompDefault
    """
)
_ROLES: Final = ("os:admin", "os:operator", "os:reader", "os:etcd:backup", "os:image:verifier", "os:meta:writer")
_KNOB: Final = re.compile(r"[A-Za-z0-9_*-]+([./][A-Za-z0-9_:@*-]+)+", re.ASCII)
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_LABEL_NAME: Final = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")


def authority(
    path: tuple[str, ...], pair: CertificatePair | None, control_plane: bool, accepted: bool
) -> Iterator[Finding]:
    """A control plane holds certificate and key; a worker holds what it trusts and no key."""
    if control_plane:
        for part in ("crt", "key"):
            if pair is None or not getattr(pair, part):
                yield Finding(
                    (*path, part), f"a control plane needs {'.'.join(path)}.{part}", "make it with `gen config`"
                )
    else:
        if pair is not None and pair.key:
            yield Finding((*path, "key"), "a worker must not hold the key", "leave the key out", at_key=True)
        if not accepted and (pair is None or not pair.crt):
            yield Finding(
                (*path, "crt"), f"a worker needs {'.'.join(path)}.crt or acceptedCAs", "make it with `gen config`"
            )


def trust(context: Context) -> Iterator[Finding]:
    if not context.has("machine"):
        yield Finding(("machine",), "the machine section is missing", "start with `machine:`")
        return
    machine = context.machine
    if context.role_known:
        yield from authority(("machine", "ca"), machine.ca, context.control_plane, bool(machine.accepted_cas))


def kubelet(context: Context) -> Iterator[Finding]:
    kubelet = context.machine.kubelet
    here = ("machine", "kubelet")
    for name in sorted(_KUBELET_ARGS & kubelet.extra_args.keys()):
        yield Finding((*here, "extraArgs", name), "the node sets this argument itself", "remove it", at_key=True)
    for name in sorted(_KUBELET_CONFIG & (kubelet.extra_config or {}).keys()):
        yield Finding((*here, "extraConfig", name), "the node sets this field itself", "remove it", at_key=True)
    for index, mount in enumerate(kubelet.extra_mounts):
        if not mount.destination:
            yield Finding((*here, "extraMounts", index), "needs destination")


def api_access(context: Context) -> Iterator[Finding]:
    access = context.machine.features.kubernetes_talos_api_access
    here = ("machine", "features", "kubernetesTalosAPIAccess")
    if access.enabled and context.role_known and not context.control_plane:
        yield Finding((*here, "enabled"), "only control planes give pods access to the API", "set it there")
    for index, role in enumerate(access.allowed_roles):
        if role not in _ROLES:
            yield Finding((*here, "allowedRoles", index), "not a role", f"take {', '.join(_ROLES)}")


def knobs(context: Context) -> Iterator[Finding]:
    for section, names in (("sysctls", context.machine.sysctls), ("sysfs", context.machine.sysfs)):
        for name in names:
            if not _KNOB.fullmatch(name):
                path = ("machine", section, name)
                yield Finding(
                    path, "not a name of a kernel setting", "write it with dots, such as vm.swappiness", at_key=True
                )


def registries(context: Context) -> Iterator[Finding]:
    asked = context.machine.registries
    for section, hosts in (("mirrors", asked.mirrors.keys() - {"*"}), ("config", asked.config.keys())):
        for name in sorted(hosts):
            if not is_registry(name):
                path = ("machine", "registries", section, name)
                yield Finding(path, "not a registry's host", "write it like ghcr.io or 10.0.0.1:5000", at_key=True)


def names(context: Context) -> Iterator[Finding]:
    machine = context.machine
    yield from repeats(("machine", "kernel", "modules"), "name", (module.name for module in machine.kernel.modules))
    yield from repeats(("machine", "seccompProfiles"), "name", (profile.name for profile in machine.seccomp_profiles))
    for index, destination in enumerate(machine.logging.destinations):
        for key, value in (("endpoint", destination.endpoint), ("format", destination.format)):
            if not value:
                yield Finding(("machine", "logging", "destinations", index), f"needs {key}")


def marks(context: Context) -> Iterator[Finding]:
    """Labels, annotations and taints that Kubernetes would refuse later."""
    machine = context.machine
    for section, values in (("nodeLabels", machine.node_labels), ("nodeAnnotations", machine.node_annotations)):
        for name, value in values.items():
            if not _LABEL_NAME.fullmatch(name):
                yield Finding(("machine", section, name), "not a name Kubernetes takes", at_key=True)
            elif section == "nodeLabels" and not _LABEL_VALUE.fullmatch(value):
                yield Finding(("machine", section, name), "not a value a label can have")
    for name, value in machine.node_taints.items():
        if value.rpartition(":")[2] not in _EFFECTS:
            yield Finding(("machine", "nodeTaints", name), "ends in no effect", f"take value:{' or '.join(_EFFECTS)}")


def leftovers(context: Context) -> Iterator[Finding]:
    if context.values.persist is False:
        yield Finding(("persist",), "must be true or absent", "remove it")
    timeout = context.machine.time.boot_timeout
    if timeout is not None and timeout < 0:
        yield Finding(("machine", "time", "bootTimeout"), "must not be negative")


RULES: Final[tuple[Rule, ...]] = (trust, kubelet, api_access, knobs, registries, names, marks, leftovers)
