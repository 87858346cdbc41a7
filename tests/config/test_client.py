"""The client config file: stock files keep everything, contexts come and go, names never collide."""

import base64

import pytest

from core.base.errors import NotFound
from core.codec import yaml
from core.config import client
from core.config.client import ClientConfig, Context
from core.config.problems import ConfigErrors

KEY = b"-----BEGIN ED25519 PRIVATE KEY-----\nAAAA\n-----END ED25519 PRIVATE KEY-----\n"
STOCK = f"""
context: a
contexts:
    a:
        endpoints: [10.0.0.1, api.example]
        nodes:
            - 10.0.0.2
        key: {base64.b64encode(KEY).decode()}
        auth:
            basic: {{username: u, password: p}}
            siderov1: {{identity: me}}
        cluster: c
        proxy-url: socks5://10.0.0.9:1080
        target: 10.0.0.1
    b: {{}}
"""


def test_a_stock_file_keeps_everything() -> None:
    config = client.load(STOCK.encode())
    context = config.get()
    assert (context.endpoints, context.nodes, context.key) == (("10.0.0.1", "api.example"), ("10.0.0.2",), KEY)
    assert context.proxy_url == "socks5://10.0.0.9:1080"
    assert yaml.load(client.save(config)) == yaml.load(STOCK.encode())


def test_an_empty_file_is_an_empty_config() -> None:
    assert client.load(b"") == ClientConfig()


def test_a_wrong_file_is_refused_with_its_place() -> None:
    with pytest.raises(
        ConfigErrors, match=r"f:4:5: contexts.a.endpoint: unknown key 'endpoint'; did you mean endpoints\?"
    ):
        client.load(b"context: a\ncontexts:\n  a:\n    endpoint: [x]\n", "f")


def test_contexts_are_chosen_and_removed() -> None:
    config = client.load(STOCK.encode())
    assert config.use("b").get() == Context()
    assert config.without("a").context == ""
    with pytest.raises(NotFound, match="no context is in use"):
        config.without("a").get()
    with pytest.raises(NotFound, match="there is no context c; known: a, b"):
        config.use("c")
    with pytest.raises(NotFound, match=r"there is no context z\\t; known: none"):
        ClientConfig(context="z\t").get()


def test_merging_renames_only_what_differs() -> None:
    mine = ClientConfig(context="a", contexts={"a": Context(nodes=("1",)), "a-1": Context(nodes=("2",))})
    theirs = ClientConfig(context="a", contexts={"a": Context(nodes=("3",)), "b": Context()})
    merged, renamed = mine.merge(theirs)
    assert renamed == {"a": "a-2"}
    assert merged.context == "a-2"
    assert list(merged.contexts) == ["a", "a-1", "a-2", "b"]
    assert merged.merge(theirs) == (merged, {"a": "a-2"})
