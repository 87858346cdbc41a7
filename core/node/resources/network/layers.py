"""Network specs come from several layers, each written to the namespace network-config under an id of its own; merging
leaves one of a name in the namespace network, the highest layer winning."""

from core.node.resources.values import Named

NAMESPACE = "network"
CONFIG_NAMESPACE = "network-config"


class ConfigLayer(Named):
    """Where a spec comes from, weakest first."""

    DEFAULT = 0
    CMDLINE = 1
    PLATFORM = 2
    OPERATOR = 3
    CONFIGURATION = 4


def layered(layer: ConfigLayer, *parts: str) -> str:
    """The id of a layer's spec in network-config: layer and what names it."""
    return "/".join((layer.text, *parts))
