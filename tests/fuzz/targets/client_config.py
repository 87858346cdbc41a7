"""The files a person keeps: the client config (with its contexts changed and merged), or after an odd first byte the
secrets of a cluster."""

from collections.abc import Iterator

from core.base.errors import NotFound
from core.config import bundle, client
from core.config.problems import ConfigErrors
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    if data[:1] and data[0] & 1:
        secrets = attempt(ConfigErrors, bundle.load, data[1:])
        assert secrets is None or bundle.load(bundle.save(secrets)) == secrets
        return
    config = attempt(ConfigErrors, client.load, data[1:])
    if config is None:
        return
    assert client.load(client.save(config)) == config
    attempt(NotFound, config.get)
    merged, renamed = config.merge(config)
    assert merged.contexts == config.contexts and not renamed
    for name in list(config.contexts)[:2]:
        assert name not in config.without(name).contexts and config.use(name).context == name


def seeds() -> Iterator[bytes]:
    contexts = b"contexts:\n  a:\n    endpoints: [10.0.0.1, 10.0.0.2]\n    nodes: []\n  b: {cluster: c, proxy-url: x}\n"
    yield b"\0context: a\n" + contexts
    yield b"\0context: ''\ncontexts: {}\n"
    yield b"\0"
    yield b"\0contexts: {a: {ca: LS0t, crt: bm90IHBlbQ==, key: '', auth: {basic: {user: x}}, target: y}}"
    token = b"secrets: {bootstraptoken: abcdef.0123456789abcdef, secretboxencryptionsecret: x}\n"
    yield b"\1cluster: {id: a, secret: b}\n" + token + b"trustdinfo: {token: t}\ncerts: {etcd: {crt: '', key: ''}}\n"


TARGET = Target(check, seeds, runs=6000, largest=2048)
