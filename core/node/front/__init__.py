"""What apid is made of: the door, and the credentials that it shows and trusts."""

from core.node.front.door import Door

__all__ = ["Door"]
