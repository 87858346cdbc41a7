"""Specs as the protobuf messages of talos.resource.definitions. One generic mapper: a spec's attributes are the
message's fields, but for underscores; addresses, durations and the like become the messages that stand for them."""

import ipaddress
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from google.protobuf import descriptor_pool, duration_pb2, message_factory, struct_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from core.node.api.stamp import timestamp
from core.rpc.pb.common import common_pb2
from core.rpc.pb.resource.config import config_pb2 as _config
from core.rpc.pb.resource.definitions.block import block_pb2 as _block
from core.rpc.pb.resource.definitions.cluster import cluster_pb2 as _cluster
from core.rpc.pb.resource.definitions.cri import cri_pb2 as _cri
from core.rpc.pb.resource.definitions.etcd import etcd_pb2 as _etcd
from core.rpc.pb.resource.definitions.files import files_pb2 as _files
from core.rpc.pb.resource.definitions.hardware import hardware_pb2 as _hardware
from core.rpc.pb.resource.definitions.k8s import k8s_pb2 as _k8s
from core.rpc.pb.resource.definitions.network import network_pb2 as _network
from core.rpc.pb.resource.definitions.runtime import runtime_pb2 as _runtime
from core.rpc.pb.resource.definitions.secrets import secrets_pb2 as _secrets
from core.rpc.pb.resource.definitions.time import time_pb2 as _time
from core.rpc.pb.resource.definitions.v1alpha1 import v1alpha1_pb2 as _v1alpha1
from core.rpc.pb.v1alpha1 import meta_pb2 as _meta
from core.state import Spec

# importing a module registers its messages; these are looked up by name
MODULES: Final = (
    _block,
    _cluster,
    _config,
    _cri,
    _etcd,
    _files,
    _hardware,
    _k8s,
    _meta,
    _network,
    _runtime,
    _secrets,
    _time,
    _v1alpha1,
)
_PACKAGE: Final = "talos.resource.definitions"
_OBJECT: Final = struct_pb2.Struct.DESCRIPTOR
# messages that are not called <domain>.<class>Spec
MESSAGES: Final[Mapping[str, str]] = {
    "BlockDevices.block.talos.dev": f"{_PACKAGE}.block.DeviceSpec",
    "BlockSymlinks.block.talos.dev": f"{_PACKAGE}.block.SymlinkSpec",
    "DiscoveredVolumesStatuses.block.talos.dev": f"{_PACKAGE}.block.DiscoveredVolumesStatusSpec",
    "DiscoveryConfigs.cluster.talos.dev": f"{_PACKAGE}.cluster.ConfigSpec",
    "EtcdConfigs.etcd.talos.dev": f"{_PACKAGE}.etcd.ConfigSpec",
    "EtcdMembers.etcd.talos.dev": f"{_PACKAGE}.etcd.MemberSpec",
    "EtcdSecrets.secrets.talos.dev": f"{_PACKAGE}.secrets.EtcdCertsSpec",
    "EtcdSpecs.etcd.talos.dev": f"{_PACKAGE}.etcd.SpecSpec",
    "KernelParamDefaultSpecs.runtime.talos.dev": f"{_PACKAGE}.runtime.KernelParamSpecSpec",
    "KubernetesSecrets.secrets.talos.dev": f"{_PACKAGE}.secrets.KubernetesCertsSpec",
    "MachineConfigs.config.talos.dev": "resource.config.MachineConfigSpec",
    "MachineTypes.config.talos.dev": "resource.config.MachineTypeSpec",
    "Namespaces.meta.cosi.dev": "cosi.resource.meta.NamespaceSpec",
    "NetworkStatuses.net.talos.dev": f"{_PACKAGE}.network.StatusSpec",
    "ResourceDefinitions.meta.cosi.dev": "cosi.resource.meta.ResourceDefinitionSpec",
    "Services.v1alpha1.talos.dev": f"{_PACKAGE}.v1alpha1.ServiceSpec",
    "TimeStatuses.v1alpha1.talos.dev": f"{_PACKAGE}.time.StatusSpec",
}


def to_message(spec: Spec) -> Message | None:
    """The spec's message; None for types that have none on the wire."""
    descriptor = message_of(type(spec))
    return None if descriptor is None else _build(spec, descriptor)


@cache
def message_of(cls: type[Spec]) -> Descriptor | None:
    """The message that carries specs of this class."""
    domain = cls.__module__.removeprefix("core.node.resources.").partition(".")[0]
    name = MESSAGES.get(cls.definition.type, f"{_PACKAGE}.{domain}.{cls.__name__}Spec")
    try:
        found: Descriptor = descriptor_pool.Default().FindMessageTypeByName(name)  # type: ignore[no-untyped-call] # stub
    except KeyError:
        return None
    return found


def squeeze(name: str) -> str:
    """Field names differ from ours in underscores alone: accepted_c_as, accepted_cas."""
    return name.replace("_", "").lower()


@cache
def fields(cls: type[msgspec.Struct], descriptor: Descriptor) -> tuple[tuple[str, FieldDescriptor], ...]:
    """Which attribute goes into which field. Attributes that the wire has no field for are left out."""
    known = {squeeze(field.name): field for field in descriptor.fields}
    pairs = ((attribute, known.get(squeeze(attribute))) for attribute in cls.__struct_fields__)
    return tuple((attribute, field) for attribute, field in pairs if field is not None)


def _build(value: msgspec.Struct, descriptor: Descriptor) -> Message:
    message = message_factory.GetMessageClass(descriptor)()
    for attribute, field in fields(type(value), descriptor):
        content = getattr(value, attribute)
        if content is None:
            continue
        if isinstance(content, Mapping) and field.message_type is not _OBJECT:
            _fill(getattr(message, field.name), content, field.message_type.fields_by_name["value"])
        elif isinstance(content, tuple | list):
            getattr(message, field.name).extend(_convert(item, field) for item in content)
        elif field.message_type is None:
            setattr(message, field.name, _convert(content, field))
        elif content != "":
            getattr(message, field.name).CopyFrom(_convert(content, field))
    return message


def _fill(target: Any, content: Mapping[str, Any], field: FieldDescriptor) -> None:
    """A map; messages in it cannot be assigned."""
    if field.message_type is None:
        target.update(content)
        return
    for key, value in content.items():
        target[key].CopyFrom(_convert(value, field))


def _convert(value: Any, field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        special = _SPECIAL.get(field.message_type.full_name)
        return special(value) if special is not None else _build(value, field.message_type)
    if field.enum_type is not None and isinstance(value, str):
        return field.enum_type.values_by_name[value.upper()].number if value else 0
    if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
        return bytes.fromhex(value.replace(":", ""))
    return int(value) if field.enum_type is not None else value


def _prefix(value: str) -> Message:
    interface = ipaddress.ip_interface(value)
    return common_pb2.NetIPPrefix(ip=interface.ip.packed, prefix_length=interface.network.prefixlen)


def _port(value: str) -> Message:
    ip, _, port = value.rpartition(":")
    return common_pb2.NetIPPort(ip=ipaddress.ip_address(ip.strip("[]")).packed, port=int(port))


def _object(value: Mapping[str, Any]) -> Message:
    """An object of Kubernetes; numbers become doubles there."""
    message = struct_pb2.Struct()
    message.update(value)
    return message


def _duration(value: float) -> Message:
    seconds, ns = divmod(round(value * 10**9), 10**9)
    return duration_pb2.Duration(seconds=seconds, nanos=ns)


_SPECIAL: Final[Mapping[str, Callable[[Any], Message]]] = {
    "common.NetIP": lambda value: common_pb2.NetIP(ip=ipaddress.ip_address(value).packed),
    "common.NetIPPrefix": _prefix,
    "common.NetIPPort": _port,
    "common.URL": lambda value: common_pb2.URL(full_path=value),
    "google.protobuf.Duration": _duration,
    "google.protobuf.Struct": _object,
    "google.protobuf.Timestamp": timestamp,
    f"{_PACKAGE}.etcd.ArgValues": lambda value: _etcd.ArgValues(values=value),
    f"{_PACKAGE}.k8s.ArgValues": lambda value: _k8s.ArgValues(values=value),
}
