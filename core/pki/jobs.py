"""What a short worker runs: msgpack in, msgpack out. Loads `cryptography`: the spawner imports this before its seal,
and a long-lived process only encodes a job (`core.pki.types.encode`), hands it to a worker and decodes what comes
back."""

from typing import Final

import msgspec

from core.base.errors import Denied, Invalid
from core.pki import issue as issuing
from core.pki import keys, requests
from core.pki.types import (
    Authority,
    Client,
    Derived,
    Issued,
    Job,
    Maintenance,
    Member,
    Public,
    Refused,
    Request,
    Requested,
    Server,
    SignRequest,
    decode,
    encode,
)

__all__ = ["decode", "encode", "issue", "run"]

_DECODER: Final = msgspec.msgpack.Decoder(Job)


def issue(payload: bytes) -> bytes:
    """Run one job; what it raises is answered as Refused. Raises msgspec.DecodeError for a payload that is no job."""
    job = _DECODER.decode(payload)
    try:
        return msgspec.msgpack.encode(run(job))
    except (Denied, Invalid) as error:
        return msgspec.msgpack.encode(Refused(str(error), isinstance(error, Denied)))


def run(job: Job) -> Issued | Requested | Derived:
    """Run one job in this process. Raises Denied, Invalid."""
    match job:
        case Server():
            return issuing.server(job)
        case Client():
            return issuing.client(job)
        case Member():
            return issuing.member(job)
        case Maintenance():
            return issuing.maintenance(job)
        case Public():
            return Derived(keys.public(job.key))
        case Request():
            return requests.make(job)
        case SignRequest():
            return requests.sign(job)
        case Authority():
            pair = issuing.authority(job)
            return Issued(pair.crt, pair.key, pair.crt, job.now + job.lifetime)
