"""Files that kube-apiserver decides by, as the config gives them."""

from collections.abc import Mapping
from typing import Any

from core.node.resources.k8s.controlplane import NAMESPACE
from core.node.resources.values import Value
from core.state import Spec, resource


class AdmissionPlugin(Value, frozen=True):
    """An admission plugin and its configuration, an object of its own kind."""

    name: str
    configuration: Mapping[str, Any] = {}


@resource("AdmissionControlConfigs.kubernetes.talos.dev", NAMESPACE)
class AdmissionControlConfig(Spec, frozen=True):
    """Admission plugins with configuration (id `admission-control`)."""

    config: tuple[AdmissionPlugin, ...] = ()


@resource("AuditPolicyConfigs.kubernetes.talos.dev", NAMESPACE, sensitive=True)
class AuditPolicyConfig(Spec, frozen=True):
    """The audit policy, an audit.k8s.io Policy (id `audit-policy`)."""

    config: Mapping[str, Any] = {}


@resource("AuthenticationConfigs.kubernetes.talos.dev", NAMESPACE, sensitive=True)
class AuthenticationConfig(Spec, frozen=True):
    """The AuthenticationConfiguration (id `authentication-config`)."""

    config: Mapping[str, Any] = {}


class Authorizer(Value, frozen=True):
    """One in the row of those asked: `webhook` is set for type Webhook alone."""

    type: str
    name: str
    webhook: Mapping[str, Any] = {}


@resource("AuthorizationConfigs.kubernetes.talos.dev", NAMESPACE, sensitive=True)
class AuthorizationConfig(Spec, frozen=True):
    """Authorizers in the order in which they are asked (id `authorization`); `image` is kube-apiserver's, whose version
    tells how they are written."""

    image: str = ""
    config: tuple[Authorizer, ...] = ()


@resource("EtcdEncryptionConfigs.kubernetes.talos.dev", "k8s", sensitive=True)
class EtcdEncryptionConfig(Spec, frozen=True):
    """The EncryptionConfiguration as YAML (id `k8s`): with which keys kube-apiserver writes secrets to etcd."""

    configuration: str
