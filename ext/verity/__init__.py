"""dm-verity hash trees of an open file: see verity.pyi."""

from ext.verity.verity import best_kernel, build, first_bad_block, kernels

__all__ = ["best_kernel", "build", "first_bad_block", "kernels"]
