"""Keys that take one word of a list. The lists are the documented ones; an empty word is an unset key."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Annotated

from core.base.errors import Invalid
from core.config.schema.base import Scalar


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def one_of(*choices: str) -> Scalar:
    """A scalar that is one of `choices` or empty."""
    return Scalar(" or ".join(choices), _choice(choices))


def _choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in choices or not text:
            return str(text)
        near = get_close_matches(text, choices, 1)
        raise Invalid(
            "not a word this key takes", remedy=f"did you mean {near[0]}?" if near else f"take {', '.join(choices)}"
        )

    return parse


_TYPES = {"": "worker", "join": "worker", "worker": "worker", "controlplane": "controlplane", "init": "init"}


def _machine_type(text: str) -> str:
    try:
        return _TYPES[text]
    except KeyError:
        raise Invalid("not a machine type", remedy="take controlplane or worker") from None


def _version(text: str) -> str:
    if text != "v1alpha1":
        raise Invalid("not a version of the schema", remedy="write v1alpha1")
    return str(text)


Version = Annotated[str, Scalar("v1alpha1", _version)]
MachineType = Annotated[str, Scalar("controlplane or worker", _machine_type)]
"""`join` and empty read as worker."""
FileOp = Annotated[str, one_of("create", "append", "overwrite")]
CniName = Annotated[str, one_of("flannel", "custom", "none", "native")]
DiskType = Annotated[str, one_of("ssd", "hdd", "nvme", "sd")]
LogFormat = Annotated[str, one_of("json_lines")]
ProxyMode = Annotated[str, one_of("iptables", "ipvs", "nftables")]
EncryptionProvider = Annotated[str, one_of("luks2")]
AuthorizerType = Annotated[str, one_of("Node", "RBAC", "Webhook")]
SortAlgorithm = Annotated[str, one_of("v1", "v2")]
BondMode = Annotated[
    str,
    one_of("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"),
]
XmitHashPolicy = Annotated[str, one_of("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")]
LacpRate = Annotated[str, one_of("slow", "fast")]
PrimaryReselect = Annotated[str, one_of("always", "better", "failure")]
FailOverMac = Annotated[str, one_of("none", "active", "follow")]
AdSelect = Annotated[str, one_of("stable", "bandwidth", "count")]
ArpValidate = Annotated[str, one_of("none", "active", "backup", "all", "filter", "filter_active", "filter_backup")]
ArpAllTargets = Annotated[str, one_of("any", "all")]
