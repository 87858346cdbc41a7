"""Resource and metadata as cosi.resource messages."""

from typing import Any, Final

from core.node.api.resource.message import to_message
from core.node.api.resource.plain import to_yaml
from core.node.api.stamp import timestamp
from core.rpc.pb.v1alpha1 import resource_pb2 as pb
from core.state import Metadata, Pointer, Resource

KEPT: Final = 32
# what was made last; a resource never changes, and those who poll and those who watch ask for the same ones
_made: Final[dict[int, tuple[Resource[Any], pb.Resource]]] = {}
# stock clients take a machine config's spec for text if there is any annotation, for a document if there is none
_TEXT: Final = {"ichor.dev/spec": "text"}


def to_metadata(md: Metadata) -> pb.Metadata:
    """Version 0 is `undefined` on the wire."""
    return pb.Metadata(
        namespace=md.namespace,
        type=md.type,
        id=md.id,
        version=str(md.version) if md.version else "undefined",
        owner=md.owner,
        phase=md.phase.value,
        created=timestamp(md.created),
        updated=timestamp(md.updated),
        finalizers=md.finalizers,
        annotations=md.annotations,
        labels=md.labels,
    )


def to_resource(resource: Resource[Any]) -> pb.Resource:
    """Metadata and both forms of the spec; types without a message have YAML alone. To be copied, not to be changed:
    the next caller may get the same one. What is secret is kept no longer than the store keeps it."""
    found = _made.get(id(resource))
    if found is not None:
        return found[1]
    made = _resource(resource)
    if not resource.spec.definition.sensitive:
        if len(_made) == KEPT:
            del _made[next(iter(_made))]
        _made[id(resource)] = resource, made
    return made


def _resource(resource: Resource[Any]) -> pb.Resource:
    message = to_message(resource.spec)
    spec = pb.Spec(proto_spec=b"" if message is None else message.SerializeToString(), yaml_spec=to_yaml(resource.spec))
    metadata = to_metadata(resource.md)
    if isinstance(getattr(resource.spec, "scalar", None), bytes):
        metadata.annotations.update(_TEXT)
    return pb.Resource(metadata=metadata, spec=spec)


def tombstone(pointer: Pointer[Any]) -> pb.Resource:
    """What stands for a resource that is not there."""
    md = Metadata(namespace=pointer.namespace, type=pointer.type, id=pointer.id)
    return pb.Resource(metadata=to_metadata(md), spec=pb.Spec())
