"""Authorities and certificates of the API, of etcd and of Kubernetes."""

from core.node.controllers.secrets.api import APICertificates
from core.node.controllers.secrets.cluster import cluster
from core.node.controllers.secrets.maintenance import MaintenanceAuthority
from core.node.controllers.secrets.root import os_root
from core.node.controllers.secrets.sans import CertSANs
from core.node.controllers.secrets.trustd import TrustdCertificates

__all__ = ["APICertificates", "CertSANs", "MaintenanceAuthority", "TrustdCertificates", "cluster", "os_root"]
