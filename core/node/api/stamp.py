"""Times as messages."""

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(seconds: float) -> Timestamp:
    """A time since the epoch."""
    whole, ns = divmod(round(seconds * 10**9), 10**9)
    return Timestamp(seconds=whole, nanos=ns)
