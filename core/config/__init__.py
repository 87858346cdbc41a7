"""Machine config: schema, load, validate, merge, patch, redact; what the node acts on. Import what you need by its
module: who reads a client config needs no schema, and `generate` loads `cryptography`."""
