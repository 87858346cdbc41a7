"""One module per C header: TYPES is what Python sees, SOURCE what the compiler needs. Only build_sys reads it."""
