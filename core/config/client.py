"""The client config file: who to talk to and with which certificate, by context. The format is the stock client's;
keys it has and we do not use are kept. Which file it is, is the command line's business."""

from typing import Final

import msgspec
from msgspec import field

from core.base.errors import NotFound
from core.base.text import printable
from core.codec.yaml import YamlErrors, dump, parse
from core.config.kinds import Found
from core.config.plan import plan
from core.config.problems import ConfigErrors, from_yaml, place
from core.config.schema.base import Object, Section
from core.config.schema.secrets import CertificatePem, KeyPem


class Context(Section, frozen=True):
    """One cluster as one person sees it."""

    endpoints: tuple[str, ...] = ()
    """Control planes to connect to."""
    nodes: tuple[str, ...] = ()
    """Nodes a command is for when it names none."""
    ca: CertificatePem = b""
    """The API's authority."""
    crt: CertificatePem = b""
    """Client certificate."""
    key: KeyPem = b""
    """Its key."""
    auth: Object | None = None
    """Other ways to authenticate; kept, not used."""
    cluster: str = ""
    """Cluster name, for proxies in front of several."""
    proxy_url: str = field(default="", name="proxy-url")
    """Proxy to connect through."""
    target: str = ""
    """Old name of endpoints; kept, not used."""


class ClientConfig(Section, frozen=True):
    """The file: contexts by name, and the one in use."""

    context: str = ""
    """The context in use."""
    contexts: dict[str, Context] = field(default_factory=dict)
    """All contexts."""

    def get(self, name: str = "") -> Context:
        """The named context, or the one in use. Raises NotFound."""
        wanted = name or self.context
        if not wanted:
            raise NotFound("no context is in use", remedy="choose one with `config context NAME`")
        if wanted not in self.contexts:
            known = ", ".join(sorted(self.contexts)) or "none"
            raise NotFound(f"there is no context {printable(wanted)}", remedy=f"known: {printable(known)}")
        return self.contexts[wanted]

    def use(self, name: str) -> "ClientConfig":
        """With `name` in use. Raises NotFound."""
        self.get(name)
        return msgspec.structs.replace(self, context=name)

    def put(self, name: str, context: Context) -> "ClientConfig":
        """With the context added or replaced."""
        return msgspec.structs.replace(self, contexts={**self.contexts, name: context})

    def without(self, name: str) -> "ClientConfig":
        """Without the context. Raises NotFound."""
        self.get(name)
        rest = {key: value for key, value in self.contexts.items() if key != name}
        return msgspec.structs.replace(self, contexts=rest, context="" if self.context == name else self.context)

    def merge(self, other: "ClientConfig") -> tuple["ClientConfig", dict[str, str]]:
        """With the other's contexts, renamed `name-1`, `name-2`, ... where a different one has the name, and the
        other's context in use; with what was renamed."""
        contexts, renamed = dict(self.contexts), {}
        for name, context in other.contexts.items():
            free, count = name, 0
            while free in contexts and contexts[free] != context:
                count += 1
                free = f"{name}-{count}"
            contexts[free] = context
            if free != name:
                renamed[name] = free
        use = renamed.get(other.context, other.context) or self.context
        return ClientConfig(context=use, contexts=contexts), renamed


_PLAN: Final = plan(ClientConfig)


def load(data: bytes, name: str = "client config") -> ClientConfig:
    """Raises ConfigErrors with every problem. An empty file is an empty config."""
    try:
        stream = parse(data)
    except YamlErrors as error:
        raise ConfigErrors(from_yaml(error, name)) from None
    found: Found = []
    documents = [(index, node) for index, node in enumerate(stream.documents) if node is not None]
    values = [_PLAN.read(node, (index,), found) for index, node in documents[:1]]
    problems = from_yaml(YamlErrors(stream.troubles), name) + place(found, data, name)
    if problems:
        raise ConfigErrors(problems)
    value = values[0] if values else ClientConfig()
    assert isinstance(value, ClientConfig)
    return value


def save(config: ClientConfig) -> bytes:
    """The file, certificates and keys as base64 of PEM."""
    return dump(msgspec.to_builtins(config))
