"""How controllers have certificates issued: by a worker, because a long-lived process never loads `cryptography`."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.pki import types
from core.pki.types import Issued, Job

Work = Callable[[str, bytes], Awaitable[bytes]]
ISSUE: Final = "core.pki.jobs:issue"


async def issue(work: Work, job: Job) -> Issued:
    """Run one job of core.pki in a worker."""
    return types.decode(await work(ISSUE, types.encode(job)))
