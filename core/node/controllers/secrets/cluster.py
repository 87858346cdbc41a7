"""All controllers that make certificates for the programs of a cluster: etcd, Kubernetes, kubelets."""

from collections.abc import Callable

from core.linux.init import FdTable
from core.node.controllers.secrets.etcd import EtcdCertificates, etcd_root
from core.node.controllers.secrets.kubernetes import (
    DynamicCertificates,
    Kubeconfigs,
    KubernetesCertSANs,
    kubelet,
    kubernetes_root,
)
from core.node.controllers.secrets.leaves import Held, Memory
from core.node.survivor import Survivor
from core.node.work import Work
from core.pki.types import AUTHORITY_LIFETIME, KUBERNETES_LIFETIME
from core.state import Controller


def cluster(table: FdTable, work: Work, shorten: Callable[[int], int] = int) -> list[Controller]:
    """`table` is where certificates outlive machined; `shorten` says how long one that is good for so many seconds is
    to be good for."""

    def memory(name: str) -> Memory:
        return Survivor(table, f"certificates.{name}", dict[str, Held])

    return [
        etcd_root(),
        EtcdCertificates(work, memory("etcd"), shorten(AUTHORITY_LIFETIME)),
        kubernetes_root(),
        KubernetesCertSANs(),
        Kubeconfigs(work, memory("kubeconfigs"), shorten(KUBERNETES_LIFETIME)),
        DynamicCertificates(work, memory("kube-apiserver"), shorten(KUBERNETES_LIFETIME)),
        kubelet(),
    ]
