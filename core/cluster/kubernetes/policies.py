"""The files that kube-apiserver and kube-scheduler decide by, as trees: admission, audit, who is known, who may, how
pods are scheduled. Pure; API versions are those of the release."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.base.errors import Invalid
from core.cluster.kubernetes import versions
from core.cluster.kubernetes.controlplane import KUBECONFIG, SCHEDULER, SECRETS
from core.cluster.kubernetes.versions import Release

Tree = dict[str, Any]
_GROUP: Final = "apiserver.config.k8s.io"
_SCHEDULER_GROUP: Final = "kubescheduler.config.k8s.io"
_POD_SECURITY: Final = "pod-security.admission.config.k8s.io"
_PLAIN: Final = "v1beta1"  # in which it cannot be kept from serving without TLS, too: nobody else shall reach it
_LOOPBACK: Final = "127.0.0.1:10251"
HEALTH: Final = ("/livez", "/readyz", "/healthz")  # what strangers may ask
AUDIT: Final[Tree] = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
AUTHORIZERS: Final = (("Node", "node"), ("RBAC", "rbac"))  # type, name


def admission(plugins: Sequence[tuple[str, Mapping[str, Any]]], release: Release) -> Tree:
    """AdmissionConfiguration, of plugins by name with what each is configured by."""
    configured = [{"name": name, "configuration": _settled(tree, release)} for name, tree in plugins]
    return {"apiVersion": f"{_GROUP}/v1", "kind": "AdmissionConfiguration", "plugins": configured}


def authentication(release: Release) -> Tree:
    """AuthenticationConfiguration: strangers are let in for the health alone."""
    version = versions.facts(release).authentication
    conditions = [{"path": path} for path in HEALTH]
    return {
        "apiVersion": f"{_GROUP}/{version}",
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": True, "conditions": conditions},
    }


def authorization(authorizers: Sequence[tuple[str, str, Mapping[str, Any]]], release: Release) -> Tree:
    """AuthorizationConfiguration, of type, name and a webhook's settings. Raises Invalid where a webhook is asked for
    and the release has no such file."""
    version = versions.facts(release).authorization
    if not version and any(kind == "Webhook" for kind, _, _ in authorizers):
        raise Invalid("this Kubernetes asks no webhook in authorizationConfig", remedy="take 1.30 or a later one")
    listed = [
        {"type": kind, "name": name} | ({"webhook": dict(webhook)} if webhook else {})
        for kind, name, webhook in authorizers
    ]
    return {"apiVersion": f"{_GROUP}/{version}", "kind": "AuthorizationConfiguration", "authorizers": listed}


def scheduling(asked: Mapping[str, Any], release: Release) -> Tree:
    """KubeSchedulerConfiguration: what is asked for, and what it reaches the cluster with."""
    version = versions.facts(release).scheduler
    plain = dict.fromkeys(("healthzBindAddress", "metricsBindAddress"), _LOOPBACK) if version == _PLAIN else {}
    connection = {"kubeconfig": f"{SECRETS}/{SCHEDULER}/{KUBECONFIG}"}
    return {
        "apiVersion": f"{_SCHEDULER_GROUP}/{version}",
        "kind": "KubeSchedulerConfiguration",
        "enableProfiling": False,
        **plain,
        **asked,
        "clientConnection": {**asked.get("clientConnection", {}), **connection},
    }


def _settled(tree: Mapping[str, Any], release: Release) -> Tree:
    """A plugin's configuration in a version that the release reads: PodSecurity's changed its version, not its form."""
    version = versions.facts(release).pod_security
    if version and str(tree.get("apiVersion", "")).startswith(f"{_POD_SECURITY}/"):
        return {**tree, "apiVersion": f"{_POD_SECURITY}/{version}"}
    return dict(tree)
