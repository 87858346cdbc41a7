"""What trustd is made of: the desk at which joining nodes ask, and what it may know."""

from core.node.trust.desk import Desk

__all__ = ["Desk"]
