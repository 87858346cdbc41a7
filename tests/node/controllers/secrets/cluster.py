"""A cluster's configs, and a worker in this process."""

from typing import Final

from core.config import generate
from core.config.generate import Options
from core.pki import jobs

_BUNDLE: Final = generate.new_secrets(1_700_000_000.0)
_OPTIONS: Final = Options(name="c", endpoint="https://10.0.0.2:6443")
CONFIG: Final = generate.control_plane(_BUNDLE, _OPTIONS)
WORKER: Final = generate.worker(_BUNDLE, _OPTIONS)


async def work(function: str, payload: bytes) -> bytes:
    """What a worker does, in this process."""
    assert function == "core.pki.jobs:issue"
    return jobs.issue(payload)
