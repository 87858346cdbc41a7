"""What an event is about: its kind, and its message of that kind."""

from importlib import import_module
from typing import Final

from google.protobuf.message import DecodeError, Message

from core.rpc.pb.machine import machine_pb2 as pb

_PREFIX: Final = "talos/runtime/machine."


def kind(event: pb.Event) -> str:
    """The name of its message: "ServiceStateEvent"."""
    return event.data.type_url.removeprefix(_PREFIX)


def decoded(event: pb.Event) -> Message | None:
    """Its message; None when the kind is unknown here, or its bytes are none of that kind."""
    found = getattr(import_module(pb.__name__), kind(event), None)
    if not (isinstance(found, type) and issubclass(found, Message)):
        return None
    try:
        return found.FromString(event.data.value)
    except DecodeError:
        return None
