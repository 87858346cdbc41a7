"""The client that users have, grpc-go, at a node's door: metadata, resources by their short names, streams."""

import base64
from collections import defaultdict
from collections.abc import Mapping

import pytest
import yaml

from core.rpc.pb.resource.definitions.network.network_pb2 import LinkStatusSpec
from tests.support.caller import Caller, Message, encoded
from tests.support.cluster import Node

MACHINE = "machine.MachineService/"
STATE = "cosi.resource.State/"
LINK = "LinkStatuses.net.talos.dev"
Meant = Mapping[str, set[tuple[str, str]]]


def test_a_stock_config_is_enough(caller: Caller) -> None:
    answer = caller.call(MACHINE + "Version")
    assert answer.only["messages"][0]["version"]["tag"].startswith("v1.")
    assert answer.end.header["content-type"] == ["application/grpc"]


@pytest.mark.parametrize("own", ["node", "nodes"])
def test_a_node_named_in_metadata(caller: Caller, node: Node, own: str) -> None:
    (message,) = caller.call(MACHINE + "Version", metadata=[(own, node.address)]).only["messages"]
    assert message.get("metadata", {}).get("hostname") == (node.address if own == "nodes" else None)
    refused = caller.call("cosi.resource.State/Get", metadata=[("nodes", node.address)])
    assert refused.end.code == "InvalidArgument"
    assert caller.call(MACHINE + "Version", metadata=[("node", "a:1")]).end.code == "Internal"
    both = caller.call(MACHINE + "Version", metadata=[("node", node.address), ("node", node.address)])
    assert (both.end.code, both.end.error) == ("InvalidArgument", "node metadata must be single-valued")


def test_a_stream_is_followed_until_it_is_given_up(caller: Caller) -> None:
    following = caller.open(
        MACHINE + "Logs", {"namespace": "system", "id": "machined", "follow": True, "tail_lines": -1}
    )
    assert following.next()
    following.cancel()
    assert following.rest().end.code == "Canceled"
    late = caller.call(MACHINE + "Events", {"tail_events": -1}, timeout=0.5)
    assert late.end.code == "DeadlineExceeded"
    assert late.messages
    assert caller.call(MACHINE + "Version").end.code == "OK"


def test_a_file_arrives_whole(caller: Caller, node: Node) -> None:
    pieces = caller.call(MACHINE + "Read", {"path": "/etc/ssl/certs/ca-certificates.crt"}).messages
    data = b"".join(base64.b64decode(piece["bytes"]) for piece in pieces)
    assert data == (node.root / "etc/ssl/certs/ca-certificates.crt").read_bytes()


@pytest.fixture(scope="module")
def meant(caller: Caller) -> Meant:
    """What a word may mean, as `get` finds out: kinds by id or any alias, in any case."""
    found = caller.call(STATE + "List", {"namespace": "meta", "type": "ResourceDefinitions.meta.cosi.dev"})
    assert found.end.code == "OK"
    kinds: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for resource in (message["resource"] for message in found.messages):
        spec = yaml.load(resource["spec"]["yaml_spec"], yaml.CSafeLoader)
        for word in (resource["metadata"]["id"], *spec["allAliases"]):
            kinds[word].add((spec["type"], spec["defaultNamespace"]))
    return kinds


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("link", "LINKS", "linkstatus", "linkstatuses.net", LINK), {(LINK, "network")}),
        (("mc", "machineconfig", "MachineConfigs"), {("MachineConfigs.config.talos.dev", "config")}),
        (("rd", "rds"), {("ResourceDefinitions.meta.cosi.dev", "meta")}),
        (("ls",), {(LINK, "network"), ("LinkSpecs.net.talos.dev", "network")}),  # which a client refuses as ambiguous
        (("nothing-of-the-kind",), set()),
    ],
)
def test_what_a_word_means(meant: Meant, words: tuple[str, ...], kinds: set[tuple[str, str]]) -> None:
    for word in words:
        assert meant.get(word.lower(), set()) == kinds


def test_get_by_alias(caller: Caller, meant: Meant) -> None:
    ((kind, namespace),) = meant["link"]
    got = caller.call(STATE + "Get", {"namespace": namespace, "type": kind, "id": "lo"}).only["resource"]
    assert caller.call(STATE + "List", {"namespace": namespace, "type": kind}).messages.count({"resource": got}) == 1
    metadata = {key: got["metadata"][key] for key in ("namespace", "type", "id", "phase")}
    assert metadata == {"namespace": namespace, "type": kind, "id": "lo", "phase": "running"}
    assert got["metadata"]["version"].isdecimal()
    said = yaml.safe_load(got["spec"]["yaml_spec"])
    encoded = LinkStatusSpec.FromString(base64.b64decode(got["spec"]["proto_spec"]))
    assert (said["index"], said["type"], said["mtu"], said["linkState"]) == (1, "loopback", 65536, True)
    assert (encoded.index, encoded.mtu, encoded.link_state) == (1, 65536, True)


@pytest.mark.parametrize(
    ("request_", "code", "why"),
    [
        ({"namespace": "network", "id": "nobody"}, "NotFound", f"resource {LINK}(network/nobody) does not exist"),
        ({"namespace": "nowhere", "id": "lo"}, "PermissionDenied", "namespace 'nowhere' is not registered"),
        ({"namespace": "network", "type": "x", "id": "lo"}, "PermissionDenied", "resource type 'x' is not registered"),
    ],
)
def test_what_cannot_be_got(caller: Caller, request_: dict[str, str], code: str, why: str) -> None:
    answer = caller.call(STATE + "Get", {"type": LINK} | request_)
    assert (answer.end.code, answer.end.error, answer.messages) == (code, why, [])


IMPORT, RUN = "machine.ImageService/Import", "machine.DebugService/ContainerRun"
SYSTEM: Message = {"containerd": {"driver": "CRI", "namespace": "NS_SYSTEM"}}
MIB: Message = {"image_chunk": {"bytes": encoded(bytes(1 << 20))}}
NOBODY: Message = {"spec": SYSTEM | {"image_name": "example.test/nobody:1", "args": ["/x"]}}


@pytest.mark.parametrize(
    ("method", "requests", "code", "why"),
    [
        (IMPORT, [MIB], "InvalidArgument", "an import begins with the namespace that it is for"),
        (IMPORT, [SYSTEM], "InvalidArgument", "not a tar of an image layout: empty file"),
        (IMPORT, [SYSTEM, *[MIB] * 3], "InvalidArgument", "the tar holds no oci-layout; save the image in OCI format"),
        (RUN, [{"stdin_data": ""}], "InvalidArgument", "the first message says what is to be run: a spec"),
        (RUN, [NOBODY], "NotFound", "image example.test/nobody:1 is not on this node; import or pull it first"),
    ],
)
def test_who_sends_a_stream_is_told_what_is_wrong(
    caller: Caller, method: str, requests: list[Message], code: str, why: str
) -> None:
    answer = caller.call(method, *requests)
    assert (answer.end.code, answer.end.error, answer.messages) == (code, why, [])
