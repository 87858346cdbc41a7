"""Machine config: schema, load, validate, merge, patch, generate, client config."""

from core.config.load import Config, load, read
from core.config.problems import ConfigErrors, Problem

__all__ = ["Config", "ConfigErrors", "Problem", "load", "read"]
