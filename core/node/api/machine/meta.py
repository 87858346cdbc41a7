"""MetaWrite and MetaDelete: values that outlive every config, under keys of one byte."""

from functools import partial
from typing import Any, Final

from core.base.errors import Invalid
from core.node.controllers.block import MetaKeys
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

LAST: Final = 255


def methods(keys: MetaKeys) -> dict[str, Method]:
    """What is served from here."""
    return {
        "MetaWrite": unary(partial(write, keys), pb.MetaWriteRequest, pb.MetaWriteResponse),
        "MetaDelete": unary(partial(delete, keys), pb.MetaDeleteRequest, pb.MetaDeleteResponse),
    }


async def write(keys: MetaKeys, ctx: Any, request: pb.MetaWriteRequest) -> pb.MetaWriteResponse:
    """Set a key; it is on the medium when this answers. What does not fit changes nothing."""
    await keys.write(_key(request.key), request.value)
    return pb.MetaWriteResponse(messages=[pb.MetaWrite()])


async def delete(keys: MetaKeys, ctx: Any, request: pb.MetaDeleteRequest) -> pb.MetaDeleteResponse:
    """Forget a key that is set."""
    await keys.delete(_key(request.key))
    return pb.MetaDeleteResponse(messages=[pb.MetaDelete()])


def _key(number: int) -> int:
    if not 0 < number <= LAST:
        raise Invalid(f"{number} is not a key of META", remedy=f"keys are 1 to {LAST}")
    return number
