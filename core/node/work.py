"""How machined has certificates, requests and the like made: by a worker, because a long-lived process never loads
`cryptography`."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.pki import types
from core.pki.types import Issued, Job, Public, Request, Requested

Work = Callable[[str, bytes], Awaitable[bytes]]
ISSUE: Final = "core.pki.jobs:issue"


async def issue(work: Work, job: Job) -> Issued:
    """Have a certificate made. Raises Denied, Invalid."""
    return types.decode(await work(ISSUE, types.encode(job)))


async def request(work: Work, job: Request) -> Requested:
    """Have a key and a request for it made. Raises Invalid."""
    return types.decode_request(await work(ISSUE, types.encode(job)))


async def public(work: Work, key: bytes) -> bytes:
    """Have the public part of a key derived. Raises Invalid."""
    return types.decode_public(await work(ISSUE, types.encode(Public(key))))
