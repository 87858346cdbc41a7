"""What a release of Kubernetes has no more, as far as it concerns who goes there: flags of its programs, which do not
start when they are told one that they do not know, and kinds of the API, by kube-apiserver's own word on what it was
asked for. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from core.cluster.kubernetes.versions import Release

# program -> the first release without them, flags; those that a release before versions.OLDEST had lost are not here
_FLAGS: Final[Mapping[str, tuple[tuple[Release, str], ...]]] = {
    "kube-apiserver": (
        ((1, 22), "kubelet-https ssh-keyfile ssh-user"),
        (
            (1, 24),
            "deserialization-cache-size enable-swagger-ui experimental-encryption-provider-config "
            "experimental-logging-sanitization target-ram-mb",
        ),
        ((1, 25), "service-account-api-audiences"),
        ((1, 26), "identity-lease-duration-seconds identity-lease-renew-interval-seconds"),
        ((1, 27), "master-service-namespace"),
        ((1, 31), "cloud-provider-gce-lb-src-cidrs"),
        ((1, 33), "cloud-config cloud-provider"),
    ),
    "kube-controller-manager": (
        (
            (1, 24),
            "address deployment-controller-sync-period experimental-logging-sanitization "
            "horizontal-pod-autoscaler-use-rest-clients port",
        ),
        (
            (1, 25),
            "deleting-pods-burst deleting-pods-qps experimental-cluster-signing-duration register-retry-count",
        ),
        ((1, 27), "enable-taint-manager pod-eviction-timeout"),
        (
            (1, 31),
            "horizontal-pod-autoscaler-downscale-delay horizontal-pod-autoscaler-upscale-delay "
            "volume-host-allow-local-loopback volume-host-cidr-denylist",
        ),
    ),
    "kube-scheduler": (
        ((1, 22), "algorithm-provider hard-pod-affinity-symmetric-weight scheduler-name"),
        ((1, 23), "policy-config-file policy-configmap policy-configmap-namespace use-legacy-policy-config"),
        ((1, 24), "address experimental-logging-sanitization port"),
        ((1, 28), "lock-object-name lock-object-namespace"),
    ),
    "kubelet": (
        ((1, 21), "enable-cadvisor-json-endpoints"),
        ((1, 22), "chaos-chance redirect-container-streaming"),
        ((1, 23), "experimental-bootstrap-kubeconfig seccomp-profile-root"),
        (
            (1, 24),
            "cni-bin-dir cni-cache-dir cni-conf-dir docker-endpoint dynamic-config-dir "
            "experimental-check-node-capabilities-before-mount experimental-dockershim-root-directory "
            "experimental-logging-sanitization image-pull-progress-deadline network-plugin network-plugin-mtu "
            "non-masquerade-cidr really-crash-for-testing",
        ),
        ((1, 25), "experimental-kernel-memcg-notification"),
        ((1, 27), "container-runtime master-service-namespace"),
        ((1, 31), "iptables-drop-bit iptables-masquerade-bit keep-terminated-pod-volumes"),
        ((1, 34), "cloud-config register-schedulable"),
        ((1, 35), "pod-infra-container-image"),
    ),
    "kube-proxy": (
        ((1, 21), "cleanup-ipvs"),
        ((1, 24), "experimental-logging-sanitization"),
        ((1, 26), "udp-timeout"),
        ((1, 31), "proxy-port-range"),
    ),
}
_REQUESTED: Final = re.compile(r"apiserver_requested_deprecated_apis\{(.*)\} ([0-9.e+]+)")
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


def flags(program: str, release: Release, told: Iterable[str]) -> list[str]:
    """Those of a program's flags that it does not have any more at that release."""
    gone = {flag for since, names in _FLAGS.get(program, ()) if since <= release for flag in names.split()}
    return sorted(gone.intersection(told))


def requested(metrics: str, release: Release) -> list[str]:
    """What somebody asked this kube-apiserver for since it started, and what is not served from that release on, such
    as "ingresses of extensions/v1beta1": `metrics` is what it answers at /metrics."""
    found = set[str]()
    for line in metrics.splitlines():
        if (said := _REQUESTED.fullmatch(line)) is not None and float(said[2]):
            labels = dict(_LABEL.findall(said[1]))
            major, _, minor = labels.get("removed_release", "").partition(".")
            if major.isdecimal() and minor.isdecimal() and (int(major), int(minor)) <= release:
                api = "/".join(filter(None, (labels.get("group"), labels.get("version"))))
                found.add(f"{labels.get('resource')} of {api}")
    return sorted(found)
