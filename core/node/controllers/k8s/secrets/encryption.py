"""KubernetesRoot -> EtcdEncryptionConfig: with which keys kube-apiserver writes secrets to etcd."""

from core.cluster.kubernetes.encryption import configuration
from core.node.resources.k8s import EtcdEncryptionConfig
from core.node.resources.secrets import KubernetesRoot
from core.state import Controller, Resource, Scope, transform


def etcd_encryption() -> Controller:
    """Id `k8s`."""

    def derive(resource: Resource[KubernetesRoot], _: Scope) -> EtcdEncryptionConfig:
        root = resource.spec
        made = configuration(
            root.secretbox_encryption_secret, root.aescbc_encryption_secret, root.etcd_encryption_config
        )
        return EtcdEncryptionConfig(configuration=made)

    return transform("k8s.EtcdEncryptionConfigController", KubernetesRoot, EtcdEncryptionConfig, derive)
