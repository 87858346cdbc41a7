"""Static pods: what the kubelet is given to run, what it says of them, and the files that they start with."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.node.resources.k8s.controlplane import NAMESPACE as CONTROLPLANE
from core.node.resources.k8s.nodes import NAMESPACE
from core.state import Column, Spec, resource


@resource("StaticPods.kubernetes.talos.dev", NAMESPACE)
class StaticPod(Spec, frozen=True):
    """A pod for the kubelet (id: its name). In YAML the spec is the Pod itself."""

    pod: Mapping[str, Any] = msgspec.field(name="Pod")

    @property
    def scalar(self) -> Mapping[str, Any]:
        return self.pod


@resource(
    "StaticPodStatuses.kubernetes.talos.dev",
    NAMESPACE,
    aliases=("podstatus",),
    columns=(Column("Ready", '{.conditions[?(@.type=="Ready")].status}'),),
)
class StaticPodStatus(Spec, frozen=True):
    """What the kubelet says of a static pod (id: <namespace>/<name>). In YAML the spec is the PodStatus itself."""

    pod_status: Mapping[str, Any] = msgspec.field(name="PodStatus")

    @property
    def ready(self) -> bool:
        """Whether its condition of that name is true."""
        conditions = self.pod_status.get("conditions") or ()
        return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)

    @property
    def scalar(self) -> Mapping[str, Any]:
        return self.pod_status


@resource("StaticPodServerStatuses.kubernetes.talos.dev", NAMESPACE, columns=(Column("URL", "{.url}"),))
class StaticPodServerStatus(Spec, frozen=True):
    """Where the kubelet fetches its static pods (id `static-pod-server-status`)."""

    url: str


@resource(
    "ConfigStatuses.kubernetes.talos.dev",
    CONTROLPLANE,
    columns=(Column("Ready", "{.ready}"), Column("Version", "{.version}")),
)
class ConfigStatus(Spec, frozen=True):
    """The control plane's configuration files are in place (id `static-pods`)."""

    ready: bool = False
    version: str = ""


@resource(
    "SecretStatuses.kubernetes.talos.dev",
    CONTROLPLANE,
    columns=(Column("Ready", "{.ready}"), Column("Version", "{.version}")),
)
class SecretsStatus(Spec, frozen=True):
    """The control plane's keys and certificates are in place (id `static-pods`); `version` changes with those that a
    running program does not take up."""

    ready: bool = False
    version: str = ""
