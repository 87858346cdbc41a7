"""What a short worker runs: msgpack in, msgpack out. A long-lived process encodes a job of `core.pki.types`, hands it
to the spawner, and never loads `cryptography` itself."""

from typing import Final

import msgspec

from core.pki.types import Authority, Client, Issued, Job, Maintenance, Server, SignRequest

_DECODER: Final = msgspec.msgpack.Decoder(Job)


def encode(job: Job) -> bytes:
    """The payload of `issue`."""
    return msgspec.msgpack.encode(job)


def decode(reply: bytes) -> Issued:
    """What `issue` answered."""
    return msgspec.msgpack.decode(reply, type=Issued)


def issue(payload: bytes) -> bytes:
    """Run one job. Raises Invalid or Denied, and msgspec.DecodeError for a payload that is no job."""
    return msgspec.msgpack.encode(run(_DECODER.decode(payload)))


def run(job: Job) -> Issued:
    """Run one job in this process, which then has loaded `cryptography`."""
    from core.pki import issue, requests

    match job:
        case Server():
            return issue.server(job)
        case Client():
            return issue.client(job)
        case Maintenance():
            return issue.maintenance(job)
        case SignRequest():
            return requests.sign(job)
        case Authority():
            pair = issue.authority(job)
            return Issued(pair.crt, pair.key, pair.crt, job.now + job.lifetime)
