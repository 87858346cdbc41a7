"""YAML, the one home of PyYAML: parse to trees within limits, find marks on demand, dump."""

from core.codec.yaml.compose import Limits, Node
from core.codec.yaml.dump import dump, dump_all
from core.codec.yaml.marks import Mark, Path, locate
from core.codec.yaml.parser import DEFAULT, Stream, load, parse
from core.codec.yaml.scalar import Plain, builtins, resolve, same
from core.codec.yaml.trouble import Trouble, YamlErrors

__all__ = [
    "DEFAULT",
    "Limits",
    "Mark",
    "Node",
    "Path",
    "Plain",
    "Stream",
    "Trouble",
    "YamlErrors",
    "builtins",
    "dump",
    "dump_all",
    "load",
    "locate",
    "parse",
    "resolve",
    "same",
]
