"""inspect.InspectService: the graph of controllers and resources, as they declare it."""

from functools import partial
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.rpc.pb.inspect import inspect_pb2 as pb
from core.rpc.service import Service, unary
from core.state import Controller, Runtime
from core.state.controller import Strength

_INPUTS: Final = {
    Strength.STRONG: pb.INPUT_STRONG,
    Strength.WEAK: pb.INPUT_WEAK,
    Strength.DESTROY_READY: pb.INPUT_DESTROY_READY,
}


def service(runtime: Runtime) -> Service:
    """The service over this runtime's controllers."""
    reply = pb.ControllerRuntimeDependenciesResponse
    return Service(
        "inspect.InspectService",
        {"ControllerRuntimeDependencies": unary(partial(dependencies, runtime), Empty, reply)},
    )


async def dependencies(runtime: Runtime, ctx: Any, request: Empty) -> pb.ControllerRuntimeDependenciesResponse:
    """Every edge: who writes which type alone or with others, who reads which type or resource, and how."""
    edges = [edge for controller in runtime.controllers for edge in _edges(controller)]
    return pb.ControllerRuntimeDependenciesResponse(messages=[pb.ControllerRuntimeDependency(edges=edges)])


def _edges(controller: Controller) -> list[pb.ControllerDependencyEdge]:
    outputs = [
        pb.ControllerDependencyEdge(
            controller_name=controller.name,
            edge_type=pb.OUTPUT_SHARED if output.shared else pb.OUTPUT_EXCLUSIVE,
            resource_type=output.type,
        )
        for output in controller.outputs
    ]
    inputs = [
        pb.ControllerDependencyEdge(
            controller_name=controller.name,
            edge_type=_INPUTS[declared.strength],
            resource_namespace=declared.kind.namespace,
            resource_type=declared.kind.type,
            resource_id=declared.id or "",
        )
        for declared in controller.inputs
    ]
    return outputs + inputs
