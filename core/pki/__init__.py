"""Keys, authorities, certificates, requests, lifetimes and roles. `cryptography` is loaded by all but
`types`, `pem`, `der` and `roles`: a long-lived process uses those and sends a worker to `jobs`."""
