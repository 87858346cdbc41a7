"""Resources on the wire: metadata, and the spec both as YAML and as protobuf."""

from core.node.api.resource.message import to_message
from core.node.api.resource.metadata import to_metadata, to_resource, tombstone
from core.node.api.resource.plain import to_plain, to_yaml

__all__ = ["to_message", "to_metadata", "to_plain", "to_resource", "to_yaml", "tombstone"]
