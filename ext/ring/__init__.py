"""The log ring: see ring.pyi for what it offers and layout.h for its bytes."""

from ext.ring.ring import Reader, Ring

__all__ = ["Reader", "Ring"]
