"""docs/compat.md: which releases of Kubernetes a node is made for, how that is known, and what is said to each. Written
by `make docs`, from the table of releases alone."""

import sys
from typing import Final

from core.cluster.kubernetes import controlplane, versions
from core.cluster.kubernetes.controlplane import ApiServer, ControllerManager, Scheduler
from core.cluster.kubernetes.versions import Release

RUN: Final[frozenset[Release]] = frozenset({(1, 20)})  # what `make fixtures` builds
_SUBNETS: Final = ("10.96.0.0/12",)
_HEAD: Final = """# Kubernetes releases

`run`: tests run the programs of this release, on nodes. `rendered`: what the node tells each program is compared with
the flags that the release publishes (`tests/cluster/kubernetes/flags.tsv`), and API versions are those its source has.
What is run is built from Debian's source of 1.20.2, with its last Go and one patch for it (`tests/support/fixtures`).
A later release than the last is treated as the last. The columns between are API versions; the last says which flags
of the control plane begin (+) and end (-) with a release.

| release | how | scheduler | authentication | authorization | PodSecurity | policy | CRI | taint | kube-proxy | flags |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    before: set[str] | None = None
    rows = []
    for release in versions.ALL:
        told = flags(release)
        rows.append(_row(release, told, told if before is None else before))
        before = told
    return _HEAD + "".join(rows)


def flags(release: Release) -> set[str]:
    """What a control plane of one family is told: program and flag."""
    server = ApiServer(release=release, issuers=["https://c:6443"], service_subnets=_SUBNETS, external_cloud=True)
    manager = ControllerManager(release=release, pod_subnets=_SUBNETS, service_subnets=_SUBNETS, external_cloud=True)
    lines = {
        "apiserver": controlplane.api_server(server),
        "controller-manager": controlplane.controller_manager(manager),
        "scheduler": controlplane.scheduler(Scheduler(release=release)),
    }
    return {f"{name} {word.partition('=')[0].lstrip('-')}" for name, line in lines.items() for word in line}


def _row(release: Release, told: set[str], before: set[str]) -> str:
    facts = versions.facts(release)
    how = "run" if release in RUN else "rendered"
    apis = (facts.scheduler, facts.authentication, facts.authorization, facts.pod_security, facts.policy, facts.runtime)
    new = [f"+{flag}" for flag in sorted(told - before)] + [f"-{flag}" for flag in sorted(before - told)]
    cells = (".".join(map(str, release)), how, *apis, facts.role, facts.proxy, ", ".join(new))
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
