"""The envelope as a generated client reads it, and what is no reply."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.node.front import envelope
from core.rpc.pb.common.common_pb2 import Data, DataResponse, Metadata
from core.rpc.status import Code, RpcError

elements = st.builds(Data, bytes=st.binary(max_size=300))


@given(st.lists(elements, min_size=1, max_size=4), st.text(st.characters(codec="utf-8"), min_size=1))
def test_every_element_of_a_reply_is_told_whose_it_is(messages: list[Data], node: str) -> None:
    seen = DataResponse.FromString(envelope.reply(DataResponse(messages=messages).SerializeToString(), node))
    assert [message.bytes for message in seen.messages] == [message.bytes for message in messages]
    assert {message.metadata.hostname for message in seen.messages} == {node}


@given(elements)
def test_a_streamed_message_as_well(message: Data) -> None:
    seen = Data.FromString(envelope.message(message.SerializeToString(), "a"))
    assert (seen.bytes, seen.metadata.hostname) == (message.bytes, "a")


def test_replies_of_several_nodes_are_one_when_put_together() -> None:
    one = DataResponse(messages=[Data(bytes=b"1")]).SerializeToString()
    error = RpcError(Code.NOT_FOUND, "ü", details=[StringValue(value="more")])
    failed = envelope.failure(error, "c", streaming=False)
    seen = DataResponse.FromString(envelope.reply(one, "a") + envelope.reply(one, "b") + failed)
    assert [message.metadata.hostname for message in seen.messages] == ["a", "b", "c"]
    assert [message.bytes for message in seen.messages] == [b"1", b"1", b""]
    told = seen.messages[2].metadata
    assert (told.error, told.status.code, told.status.message) == ("ü", Code.NOT_FOUND, "ü")
    detail = StringValue()
    assert told.status.details[0].Unpack(detail)
    assert detail.value == "more"


def test_what_a_node_said_of_itself_survives() -> None:
    said = Data(bytes=b"x", metadata=Metadata(error="half of it"))
    (seen,) = DataResponse.FromString(envelope.reply(DataResponse(messages=[said]).SerializeToString(), "a")).messages
    assert (seen.metadata.hostname, seen.metadata.error) == ("a", "half of it")


def test_a_failure_in_a_stream_is_a_message() -> None:
    failed = Data.FromString(envelope.failure(RpcError(Code.UNAVAILABLE, "gone"), "a", streaming=True))
    assert (failed.metadata.hostname, failed.metadata.status.code) == ("a", Code.UNAVAILABLE)


def test_a_reply_without_elements_still_names_its_node() -> None:
    (seen,) = DataResponse.FromString(envelope.reply(b"", "a")).messages
    assert seen.metadata == Metadata(hostname="a")


def test_the_bytes() -> None:
    assert envelope.message(b"\x12\x01x", "n") == b"\x12\x01x\x0a\x03\x0a\x01n"
    assert envelope.reply(b"\x0a\x03\x12\x01x", "n") == b"\x0a\x08\x12\x01x\x0a\x03\x0a\x01n"


@pytest.mark.parametrize(
    "data", [b"\x12\x00", b"\x0a", b"\x0a\x05ab", b"\x0a\x80", b"\x0a\xff\xff\xff\xff\xff\x01", b"\x0a\x00\x08\x01"]
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        envelope.reply(data, "n")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_reply_or_refused(data: bytes) -> None:
    try:
        made = envelope.reply(data, "n")
    except Invalid:
        return
    assert made.startswith(b"\x0a")
