"""machine.MachineService: one module for each group of calls, put together here."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.node.api import later
from core.node.api.events import Events
from core.node.api.machine import (
    archive,
    clientconfig,
    config,
    counters,
    cpus,
    etcd,
    files,
    kubeconfig,
    logs,
    meta,
    mounts,
    netstat,
    packets,
    power,
    processes,
    reset,
    services,
    trees,
    version,
)
from core.node.node import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, Service, server_stream, unary


def service(node: Node, more: Mapping[str, Method]) -> Service:
    """The service of this node, with methods that are made elsewhere."""

    def on(function: Any) -> Any:
        return partial(function, node)

    return Service(
        "machine.MachineService",
        {
            "ApplyConfiguration": unary(
                on(config.apply_configuration), pb.ApplyConfigurationRequest, pb.ApplyConfigurationResponse
            ),
            "Dmesg": server_stream(on(logs.dmesg), pb.DmesgRequest, common_pb2.Data),
            "Events": server_stream(Events(node.events).events, pb.EventsRequest, pb.Event),
            "Logs": server_stream(on(logs.logs), pb.LogsRequest, common_pb2.Data),
            "LogsContainers": unary(on(logs.logs_containers), Empty, pb.LogsContainersResponse),
            "Read": server_stream(on(files.read), pb.ReadRequest, common_pb2.Data),
            "Reboot": unary(on(power.reboot), pb.RebootRequest, pb.RebootResponse),
            "ServiceList": unary(services.Listing(node).service_list, Empty, pb.ServiceListResponse),
            "ServiceRestart": unary(on(services.service_restart), pb.ServiceRestartRequest, pb.ServiceRestartResponse),
            "ServiceStart": unary(on(services.service_start), pb.ServiceStartRequest, pb.ServiceStartResponse),
            "ServiceStop": unary(on(services.service_stop), pb.ServiceStopRequest, pb.ServiceStopResponse),
            "Shutdown": unary(on(power.shutdown), pb.ShutdownRequest, pb.ShutdownResponse),
            "Version": unary(on(version.version), Empty, pb.VersionResponse),
            **archive.methods(),
            **clientconfig.methods(node),
            **counters.methods(),
            **cpus.methods(),
            **etcd.methods(node),
            **kubeconfig.methods(node),
            **later.machine(),
            **meta.methods(node.meta),
            **mounts.methods(),
            **netstat.methods(),
            **packets.methods(),
            **more,
            **processes.methods(),
            **reset.methods(node),
            **trees.methods(),
        },
    )
