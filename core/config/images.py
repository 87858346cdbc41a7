"""The images that a node runs where its config names none, and the Kubernetes release that they are of."""

from typing import Final

KUBERNETES: Final = "1.37.0-rc.1"
REGISTRY: Final = "registry.k8s.io"
KUBELET: Final = f"ghcr.io/siderolabs/kubelet:v{KUBERNETES}"


def program(name: str, version: str = KUBERNETES) -> str:
    """The image of a program of Kubernetes', such as kube-apiserver."""
    return f"{REGISTRY}/{name}:v{version}"
