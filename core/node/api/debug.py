"""machine.DebugService: a container to look around in, with its input and output on the call. It lives no longer than
the call: whoever leaves ends it, and nothing of it stays."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.base.errors import Invalid
from core.node.api.instances import of_instance
from core.node.containers import images, spec
from core.node.containers.attached import FOLDER, Session, attached
from core.node.containers.client import Containerd
from core.node.containers.container import Container
from core.node.containers.layout import Image
from core.rpc.pb.machine import debug_pb2 as pb
from core.rpc.service import Service, bidi
from core.rpc.status import RpcError

GROUP: Final = "/system/debug"
PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_log = logging.getLogger("debug")
Requests = AsyncIterator[pb.DebugContainerRunRequest]


@dataclass(frozen=True, slots=True)
class Debug:
    """The handler over one containerd. `folder` is for named pipes, `group` the control group of the containers."""

    containerd: Containerd
    folder: Path = FOLDER
    group: str = GROUP

    def service(self) -> Service:
        """machine.DebugService."""
        request, reply = pb.DebugContainerRunRequest, pb.DebugContainerRunResponse
        return Service("machine.DebugService", {"ContainerRun": bidi(self.run, request, reply)})

    async def run(self, ctx: Any, requests: Requests) -> AsyncGenerator[pb.DebugContainerRunResponse]:
        """First a spec; then input, signals and sizes, while what the container writes goes back; last its status."""
        first = await anext(requests, None)
        if first is None or not first.HasField("spec"):
            raise Invalid("the first message says what is to be run: a spec")
        wanted = first.spec
        containerd = replace(self.containerd, namespace=of_instance(wanted.containerd))
        image = await images.find(containerd, wanted.image_name)
        container = Container(containerd, f"debug-{secrets.token_hex(6)}")
        async with attached(container, image, self._choices(container, image, wanted), self.folder) as session:
            feeding = asyncio.create_task(_feed(session, requests), name=container.id)
            try:
                async with aclosing(session.written()) as written:
                    async for data in written:
                        yield pb.DebugContainerRunResponse(stdout_data=data)
            finally:
                feeding.cancel()
                await asyncio.wait([feeding])
        yield pb.DebugContainerRunResponse(exit_code=session.ending.result())

    def _choices(self, container: Container, image: Image, wanted: pb.DebugContainerRunRequestSpec) -> spec.Choices:
        defaults = image.config.config
        host = wanted.profile == wanted.PROFILE_HOST_NS
        return spec.Choices(
            list(wanted.args) or [*(defaults.entrypoint or ()), *(defaults.cmd or ())],
            [PATH, *(defaults.env or ()), *(f"{name}={value}" for name, value in sorted(wanted.env.items()))],
            directory=defaults.working_dir or "/",
            cgroup=f"{self.group}/{container.id}",
            host_network=host,
            host_pid=host,
            privileged=host or wanted.profile == wanted.PROFILE_PRIVILEGED,
            terminal=wanted.tty,
        )


async def _feed(session: Session, requests: Requests) -> None:
    """Pass on what the client sends, then the end of it."""
    try:
        async for request in requests:
            if request.HasField("stdin_data"):
                await session.write(request.stdin_data)
            else:
                await _tell(session.container, request)
        await session.end_input()
    except RpcError as error:  # the client left
        _log.debug("%s: %s", session.container.id, error)


async def _tell(container: Container, request: pb.DebugContainerRunRequest) -> None:
    """A signal or a size. What cannot be done (it has ended, it has no terminal) ends nothing: input still comes."""
    try:
        if request.HasField("signal"):
            await container.kill(request.signal)
        elif request.HasField("term_resize"):
            await container.resize(request.term_resize.width, request.term_resize.height)
    except (RpcError, ValueError) as error:  # a number below zero does not fit containerd's fields
        _log.info("%s: %s", container.id, error)
