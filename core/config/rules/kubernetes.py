"""etcd, the API server, static pods: arguments the node sets itself, lists by name, what has none."""

from collections.abc import Iterator
from typing import Final

from core.config.problems import Finding
from core.config.rules.base import Context, Rule, repeats
from core.config.schema.words import words

_ETCD_ARGS: Final = words(
    """
    name data-dir initial-cluster-state listen-peer-urls listen-client-urls listen-client-http-urls cert-file
    key-file trusted-ca-file client-cert-auth peer-client-cert-auth peer-cert-file peer-key-file peer-trusted-
    ca-file auto-tls peer-auto-tls feature-gates watch-progress-notify-interval tls-min-version
    """
)


def etcd(context: Context) -> Iterator[Finding]:
    etcd = context.cluster.etcd
    for name in sorted(_ETCD_ARGS & etcd.extra_args.keys()):
        path = ("cluster", "etcd", "extraArgs", name)
        yield Finding(path, "the node sets this argument itself", "remove it", at_key=True)
    if etcd.subnet and etcd.advertised_subnets:
        yield Finding(("cluster", "etcd", "subnet"), "subnet and advertisedSubnets exclude each other", at_key=True)


def api_server(context: Context) -> Iterator[Finding]:
    server, path = context.cluster.api_server, ("cluster", "apiServer")
    yield from repeats((*path, "admissionControl"), "name", (plugin.name for plugin in server.admission_control))
    for index, authorizer in enumerate(server.authorization_config):
        here = (*path, "authorizationConfig", index)
        if not authorizer.type:
            yield Finding(here, "needs type", "take Node, RBAC or Webhook")
        if authorizer.type == "Webhook" and authorizer.webhook is None:
            yield Finding(here, "a webhook authorizer needs webhook")


def volumes(context: Context) -> Iterator[Finding]:
    cluster = context.cluster
    parts = (
        ("apiServer", cluster.api_server.extra_volumes),
        ("controllerManager", cluster.controller_manager.extra_volumes),
        ("scheduler", cluster.scheduler.extra_volumes),
    )
    for part, volumes in parts:
        for index, volume in enumerate(volumes):
            for key, value in (("hostPath", volume.host_path), ("mountPath", volume.mount_path)):
                if not value:
                    yield Finding(("cluster", part, "extraVolumes", index), f"needs {key}")


def pods(context: Context) -> Iterator[Finding]:
    for index, pod in enumerate(context.machine.pods):
        metadata = pod.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
            yield Finding(("machine", "pods", index), "a pod needs metadata.name", "write the whole manifest of a Pod")


RULES: Final[tuple[Rule, ...]] = (etcd, api_server, volumes, pods)
