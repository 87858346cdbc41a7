"""What this machine keeps of a cluster that it made: after an exchange its client config is given the new certificate,
by which `cluster create` starts the cluster again; of its secrets file, from which its configs were made, it is only
said that it is of the old authority."""

from core.cli import clientfile
from core.config import client
from core.provision.places import Places


def tell(places: Places, name: str, context: client.Context) -> str:
    """Keep `context` in place of the one of the same name that is for the same nodes. What there is to be said of it;
    nothing if this machine has not made such a cluster."""
    folder = places.cluster(name)
    path, secrets = folder / "client.yaml", folder / "secrets.yaml"
    kept = clientfile.load_or_empty(path)
    own = kept.contexts.get(name)
    if own is None or own.endpoints != context.endpoints or own == context:
        return ""
    clientfile.save(path, kept.put(name, context))
    return f"{path} has the new certificate; {secrets} is of the old authority: no certificate made from it is accepted"
