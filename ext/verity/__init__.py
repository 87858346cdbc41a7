"""dm-verity hash trees of an open file: see verity.pyi."""

from ext.verity.verity import build, first_bad_block

__all__ = ["build", "first_bad_block"]
