"""Keys, authorities, certificates, requests, lifetimes and roles. `cryptography` lives in `keys`, `issue` and
`requests` alone; a long-lived process uses the others (types, pem, der, roles) and sends a worker to `jobs`."""
