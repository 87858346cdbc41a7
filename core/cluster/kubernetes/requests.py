"""Whether a kubelet gets the certificate that it asks for: a function of the request and of what is known of nodes. A
certificate to ask with goes to who shows the bootstrap token, for a name that no live node has, or to that node itself;
one to serve with goes to the node itself, for its own names and addresses alone. Other signers' requests are theirs."""

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.base.errors import Invalid
from core.base.text import printable
from core.cluster.kubernetes.manifests.joining import JOINERS, NODES
from core.cluster.kubernetes.paths import Object
from core.pki import csr

CLIENT: Final = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING: Final = "kubernetes.io/kubelet-serving"
_USER: Final = "system:node:"
_NEEDED: Final = {CLIENT: "client auth", SERVING: "server auth"}
_HARMLESS: Final = frozenset({"digital signature", "key encipherment"})
_NAMES: Final = ("Hostname", "InternalDNS", "ExternalDNS")
_ADDRESSES: Final = ("InternalIP", "ExternalIP")


class Answer(Enum):
    """APPROVE and DENY are final; WAIT for what may change; LEAVE what is not ours."""

    APPROVE = "approve"
    DENY = "deny"
    WAIT = "wait"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Verdict:
    """With the reason, as it is written into the request."""

    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """Node objects by name, and the addresses that discovery knows a node by, by the same name."""

    nodes: Mapping[str, Object]
    members: Mapping[str, Collection[str]]


def judge(request: Object, known: Known) -> Verdict:
    """Of a CertificateSigningRequest that nobody has answered yet."""
    spec = request["spec"]
    user, groups, signer = spec.get("username", ""), spec.get("groups") or (), spec.get("signerName", "")
    itself = user.removeprefix(_USER) if user.startswith(_USER) and NODES in groups else ""
    if signer not in _NEEDED or not (itself or JOINERS in groups):
        return Verdict(Answer.LEAVE, "")
    try:
        wanted = csr.read(base64.b64decode(spec["request"], validate=True))
    except (Invalid, binascii.Error, KeyError) as error:
        return Verdict(Answer.DENY, f"the request cannot be read: {error}")
    name = "".join(wanted.common_names).removeprefix(_USER)
    if fault := _shape(wanted, set(spec.get("usages") or ()), _NEEDED[signer], name):
        return Verdict(Answer.DENY, fault)
    if itself and name != itself:
        return Verdict(Answer.DENY, f"{user} asks for a certificate of another node's, {_USER}{printable(name)}")
    return _client(wanted, name, itself, known) if signer == CLIENT else _serving(wanted, name, itself, known)


def _shape(wanted: csr.Wanted, usages: set[str], needed: str, name: str) -> str:
    """What is wrong with it, whoever asks."""
    if len(wanted.common_names) != 1 or wanted.common_names[0] != _USER + name or not name:
        return f"its common name is not that of a node, {_USER}NAME"
    if wanted.organizations != (NODES,):
        return f"its organization is not {NODES} alone"
    if needed not in usages or not usages <= {needed, *_HARMLESS}:
        return f"it is to be used for other things than {needed}"
    return ""


def _client(wanted: csr.Wanted, name: str, itself: str, known: Known) -> Verdict:
    if wanted.names or wanted.addresses or wanted.others:
        return Verdict(Answer.DENY, "a client's certificate has no names of hosts and no addresses")
    if itself:
        return Verdict(Answer.APPROVE, "the node renews its own certificate")
    if name in known.nodes and _ready(known.nodes[name]):
        return Verdict(Answer.WAIT, f"node {name} is there and ready, and would not ask by the bootstrap token")
    return Verdict(Answer.APPROVE, "a node joins by the bootstrap token")


def _serving(wanted: csr.Wanted, name: str, itself: str, known: Known) -> Verdict:
    if not itself:
        return Verdict(Answer.DENY, "a certificate to serve with is for nodes that have joined")
    if wanted.others or not (wanted.names or wanted.addresses):
        return Verdict(Answer.DENY, "it names something else than hosts and addresses, or none")
    if name not in known.nodes:
        return Verdict(Answer.WAIT, f"node {name} has not told of itself yet")
    own = _told(known.nodes[name], _ADDRESSES)
    if strange := set(wanted.names) - _told(known.nodes[name], _NAMES) - {name}:
        return Verdict(Answer.WAIT, f"{_list(strange)} is no name of node {name}")
    if strange := set(wanted.addresses) - own:
        return Verdict(Answer.WAIT, f"{_list(strange)} is no address of node {name}")
    for other, held in _held(known).items():
        if other != name and (shared := held & {*wanted.addresses, *wanted.names}):
            return Verdict(Answer.WAIT, f"{_list(shared)} is node {other}'s, too")
    internal = _told(known.nodes[name], _ADDRESSES[:1])
    if name in known.members and (strange := set(wanted.addresses) & internal - set(known.members[name])):
        return Verdict(Answer.WAIT, f"{_list(strange)} is not where discovery finds node {name}")
    return Verdict(Answer.APPROVE, "the node names itself and its own addresses")


def _held(known: Known) -> dict[str, set[str]]:
    """Names and addresses of each node, as it tells itself and as discovery finds it."""
    held = {name: {name, *_told(node, (*_NAMES, *_ADDRESSES))} for name, node in known.nodes.items()}
    for name, addresses in known.members.items():
        held.setdefault(name, {name}).update(addresses)
    return held


def _told(node: Object, kinds: Collection[str]) -> set[str]:
    addresses = node.get("status", {}).get("addresses") or ()
    return {each["address"] for each in addresses if each["type"] in kinds}


def _ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _list(values: Collection[str]) -> str:
    return ", ".join(printable(value) for value in sorted(values))
