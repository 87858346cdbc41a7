"""Machine config: schema, load, validate, merge, patch, redact; what the node acts on. `generate` (which loads
`cryptography`), `bundle` and `client` are imported by name."""

from core.config.load import Config, load, read
from core.config.merge import merge, merge_text
from core.config.problems import ConfigErrors, Problem
from core.config.redact import redact
from core.config.support import unsupported

__all__ = ["Config", "ConfigErrors", "Problem", "load", "merge", "merge_text", "read", "redact", "unsupported"]
