"""What this machine keeps of a cluster that it made: after an exchange its client config is given the new certificate,
by which `cluster create` starts the cluster again, and its kubeconfig is exchanged as it goes; of its secrets file,
from which its configs were made, it is only said that it is of the old authority."""

from core.base.files import write_atomic
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


def keep_kubeconfig(places: Places, name: str, context: client.Context, data: bytes) -> None:
    """Have this kubeconfig in place of the one kept of a cluster of that name and for the same nodes, if any."""
    folder = places.cluster(name)
    own = clientfile.load_or_empty(folder / "client.yaml").contexts.get(name)
    path = folder / "kubeconfig"
    if own is not None and own.endpoints == context.endpoints and path.exists():
        write_atomic(path, data)
