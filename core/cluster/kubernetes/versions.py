"""What Kubernetes' releases differ in, as far as a node is concerned: the one table of it. Whoever renders a flag, a
configuration or a manifest asks here by the release that an image's tag names. A newer release than the table's last is
taken for the last; one before its first is refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from core.base.errors import Invalid

Release = tuple[int, int]
OLDEST: Final[Release] = (1, 20)
NEWEST: Final[Release] = (1, 37)
ALL: Final = tuple((1, minor) for minor in range(OLDEST[1], NEWEST[1] + 1))
T = TypeVar("T")
_TAG: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?(?:[-+._][\w.+-]*)?")

# program, flag, the first release that has it, the first that has it no more
_FLAGS: Final[tuple[tuple[str, str, Release, Release | None], ...]] = (
    (
        "kube-apiserver",
        "authentication-config",
        (1, 32),
        None,
    ),  # since 1.29; until then it limits no strangers
    ("kube-apiserver", "authorization-config", (1, 30), None),  # since 1.29, behind a gate
    ("kube-apiserver", "cloud-provider", OLDEST, (1, 33)),
    ("kube-controller-manager", "port", OLDEST, (1, 24)),  # without TLS; 0 is none
    ("kube-scheduler", "port", OLDEST, (1, 24)),
    ("kubelet", "container-runtime", OLDEST, (1, 24)),  # there until 1.26, with one value left
    ("kubelet", "container-runtime-endpoint", OLDEST, (1, 27)),  # then in the configuration
    ("kubelet", "pod-infra-container-image", OLDEST, (1, 27)),  # there until 1.34; from 1.27 on the runtime is asked
    ("kubelet", "register-with-taints", OLDEST, (1, 23)),  # then in the configuration
)

# what changed its answer: the first release of each
_SCHEDULER: Final = (((1, 20), "v1beta1"), ((1, 22), "v1beta2"), ((1, 23), "v1beta3"), ((1, 25), "v1"))
_AUTHENTICATION: Final = (((1, 20), ""), ((1, 32), "v1beta1"), ((1, 34), "v1"))
_AUTHORIZATION: Final = (((1, 20), ""), ((1, 30), "v1beta1"), ((1, 32), "v1"))
_POD_SECURITY: Final = (((1, 20), ""), ((1, 22), "v1alpha1"), ((1, 23), "v1beta1"), ((1, 25), "v1"))
_POLICY: Final = (((1, 20), "v1beta1"), ((1, 21), "v1"))
_RUNTIME: Final = (((1, 20), "v1alpha2"), ((1, 23), "v1"))
_ROLE: Final = (((1, 20), "master"), ((1, 24), "control-plane"))
_ISSUERS: Final = (((1, 20), 1), ((1, 22), 64))
_PROXY: Final = (((1, 20), "iptables"), ((1, 31), "nftables"))
# gates that dual stack needs to be opened, until it needs none
_DUAL_STACK: Final[tuple[tuple[Release, Mapping[str, bool]], ...]] = (
    ((1, 20), {"IPv6DualStack": True}),
    ((1, 21), {}),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """One release. API versions are empty where there is no such thing; each stands behind its group:

    scheduler                kubescheduler.config.k8s.io     KubeSchedulerConfiguration
    authentication           apiserver.config.k8s.io         AuthenticationConfiguration that limits who is anonymous
    authorization            apiserver.config.k8s.io         AuthorizationConfiguration
    pod_security             pod-security.admission.config.k8s.io   PodSecurityConfiguration
    policy                   policy                          PodDisruptionBudget
    runtime                  the kubelet's interface to containerd (CRI)

    `role` is what a control plane's taint is called behind node-role.kubernetes.io/; its label is control-plane in all.
    `proxy` is kube-proxy's mode where nobody asks for another. `dual_stack` are gates that it takes. `issuers` is of
    how many issuers kube-apiserver takes tokens."""

    release: Release
    scheduler: str
    authentication: str
    authorization: str
    pod_security: str
    policy: str
    runtime: str
    role: str
    proxy: str
    dual_stack: Mapping[str, bool]
    issuers: int


def of(image: str) -> Release:
    """The release that an image's tag names, such as (1, 34); without a tag that names one, the newest. Raises Invalid
    for one that is too old."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = _TAG.fullmatch(tag)
    release = (int(found[1]), int(found[2])) if found is not None else NEWEST
    if release < OLDEST:
        named = ".".join(map(str, OLDEST))
        raise Invalid(f"{image} is an older Kubernetes than this node can run", remedy=f"take {named} or a later one")
    return min(release, NEWEST)


def facts(release: Release) -> Facts:
    """What that release is like."""
    return Facts(
        release,
        scheduler=_at(release, _SCHEDULER),
        authentication=_at(release, _AUTHENTICATION),
        authorization=_at(release, _AUTHORIZATION),
        pod_security=_at(release, _POD_SECURITY),
        policy=_at(release, _POLICY),
        runtime=_at(release, _RUNTIME),
        role=_at(release, _ROLE),
        proxy=_at(release, _PROXY),
        dual_stack=_at(release, _DUAL_STACK),
        issuers=_at(release, _ISSUERS),
    )


def has(program: str, flag: str, release: Release) -> bool:
    """Whether a program of that release is to be told by this flag; one that the table does not name is in all."""
    spans = [(since, until) for name, known, since, until in _FLAGS if (name, known) == (program, flag)]
    return not spans or any(since <= release and (until is None or release < until) for since, until in spans)


def known(program: str, release: Release, told: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Those of a program's flags that the release has."""
    return {flag: values for flag, values in told.items() if has(program, flag, release)}


def _at(release: Release, steps: Sequence[tuple[Release, T]]) -> T:
    return next(value for since, value in reversed(steps) if since <= release)
