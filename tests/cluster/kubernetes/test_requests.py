"""Who gets a certificate: by tables of what is asked for, by whom, and of what is known of nodes."""

import base64
from typing import Any

import pytest

from core.cluster.kubernetes.manifests.joining import JOINERS, NODES
from core.cluster.kubernetes.paths import Object
from core.cluster.kubernetes.requests import CLIENT, SERVING, Answer, Known, judge
from core.pki import keys, requests
from core.pki.types import Algorithm

KEY = keys.dump(keys.new(Algorithm.P256))
TOKEN: dict[str, Any] = {"username": "system:bootstrap:abcdef", "groups": [JOINERS, "system:authenticated"]}
ITSELF: dict[str, Any] = {"username": "system:node:one", "groups": [NODES, "system:authenticated"]}
ASK, SERVE = ["client auth", "digital signature", "key encipherment"], ["server auth", "digital signature"]


def node(*addresses: str, ready: str = "True") -> Object:
    kinds = {"one": "Hostname", "one.example": "InternalDNS", "192.0.2.1": "ExternalIP"}
    told = [{"type": kinds.get(address, "InternalIP"), "address": address} for address in addresses]
    return {"status": {"addresses": told, "conditions": [{"type": "Ready", "status": ready}]}}


ONE = node("10.0.0.1", "192.0.2.1", "one", "one.example")
KNOWN = Known({"one": ONE, "two": node("10.0.0.2", ready="False")}, {"one": ("10.0.0.1",), "three": ("10.0.0.3",)})


def asked(
    who: dict[str, Any],
    signer: str,
    *,
    name: str = "system:node:one",
    groups: tuple[str, ...] = (NODES,),
    hosts: tuple[str, ...] = (),
    addresses: tuple[str, ...] = (),
    usages: list[str] | None = None,
) -> Object:
    made = requests.new(KEY, name, hosts, addresses, groups)
    wanted = usages or (ASK if signer == CLIENT else SERVE)
    text = base64.b64encode(made).decode()
    return {"spec": {**who, "signerName": signer, "usages": wanted, "request": text}}


@pytest.mark.parametrize(
    ("request_", "answer", "reason"),
    [
        (asked(TOKEN, CLIENT, name="system:node:new"), Answer.APPROVE, "joins"),
        (asked(TOKEN, CLIENT, name="system:node:two"), Answer.APPROVE, "joins"),  # it was wiped, or was away for long
        (asked(TOKEN, CLIENT), Answer.WAIT, "node one is there and ready"),
        (asked(ITSELF, CLIENT), Answer.APPROVE, "renews"),
        (asked(ITSELF, CLIENT, name="system:node:two"), Answer.DENY, "another node's, system:node:two"),
        (asked(ITSELF, CLIENT, hosts=("one",)), Answer.DENY, "no names"),
        (asked(TOKEN, CLIENT, groups=("system:masters",)), Answer.DENY, "organization"),
        (asked(TOKEN, CLIENT, groups=(NODES, "system:masters")), Answer.DENY, "organization"),
        (asked(TOKEN, CLIENT, groups=()), Answer.DENY, "organization"),
        (asked(TOKEN, CLIENT, name="admin"), Answer.DENY, "common name"),
        (asked(TOKEN, CLIENT, name="system:node:"), Answer.DENY, "common name"),
        (asked(TOKEN, CLIENT, name="system:node:new", usages=[*ASK, "server auth"]), Answer.DENY, "used for other"),
        (asked(TOKEN, CLIENT, name="system:node:new", usages=["digital signature"]), Answer.DENY, "used for other"),
        (asked(TOKEN, SERVING, addresses=("10.0.0.1",)), Answer.DENY, "nodes that have joined"),
        (asked(ITSELF, SERVING, hosts=("one",), addresses=("10.0.0.1", "192.0.2.1")), Answer.APPROVE, "its own"),
        (asked(ITSELF, SERVING, hosts=("one.example",)), Answer.APPROVE, "its own"),
        (asked(ITSELF, SERVING), Answer.DENY, "or none"),
        (asked(ITSELF, SERVING, addresses=("10.0.0.9",)), Answer.WAIT, "10.0.0.9 is no address of node one"),
        (asked(ITSELF, SERVING, hosts=("two",)), Answer.WAIT, "two is no name of node one"),
        ({"spec": {**TOKEN, "signerName": "example.org/own"}}, Answer.LEAVE, ""),
        (asked({"username": "someone", "groups": []}, CLIENT), Answer.LEAVE, ""),
        (asked({"username": "system:node:one", "groups": []}, CLIENT), Answer.LEAVE, ""),
        ({"spec": {**TOKEN, "signerName": CLIENT, "request": "AAAA"}}, Answer.DENY, "cannot be read"),
        ({"spec": {**TOKEN, "signerName": CLIENT, "request": "?"}}, Answer.DENY, "cannot be read"),
    ],
)
def test_the_table(request_: Object, answer: Answer, reason: str) -> None:
    verdict = judge(request_, KNOWN)
    assert (verdict.answer, reason in verdict.reason) == (answer, True), verdict


def test_an_address_that_two_claim_waits() -> None:
    wanted = asked(ITSELF, SERVING, addresses=("10.0.0.1",))
    for other in (
        Known({"one": ONE, "two": node("10.0.0.1")}, {}),
        Known({"one": ONE}, {"two": ("10.0.0.1",)}),
    ):
        assert "10.0.0.1 is node two's, too" in judge(wanted, other).reason
    moved = judge(wanted, Known({"one": ONE}, {"one": ("10.0.0.7",)}))
    assert (moved.answer, "not where discovery finds node one" in moved.reason) == (Answer.WAIT, True)
    assert judge(wanted, Known({}, {})).answer is Answer.WAIT
