"""Kubernetes' authorities, and what its programs and administrators show."""

from core.node.controllers.secrets.kubernetes.dynamic import DynamicCertificates
from core.node.controllers.secrets.kubernetes.kubeconfigs import Kubeconfigs
from core.node.controllers.secrets.kubernetes.kubelet import kubelet
from core.node.controllers.secrets.kubernetes.root import kubernetes_root
from core.node.controllers.secrets.kubernetes.sans import KubernetesCertSANs

__all__ = ["DynamicCertificates", "Kubeconfigs", "KubernetesCertSANs", "kubelet", "kubernetes_root"]
