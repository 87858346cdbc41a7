"""`gen`: files made on this machine, without a node: secrets, machine configs, the client config."""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from core.base.clock import SystemClock
from core.cli import files, genpki, newcluster
from core.cli.output import note
from core.config import bundle, client, generate, images
from core.config.bundle import Bundle, Certificates
from core.config.generate import Options
from core.config.load import load, read
from core.config.merge import merge_text
from core.config.schema.secrets import CertificatePair, SigningKey

_TYPES: Final = {"controlplane": "controlplane.yaml", "worker": "worker.yaml", "talosconfig": "talosconfig"}


_talos_version = click.option(
    "--talos-version", default="", metavar="VERSION", help="accepted: the files are the same for every version"
)


@click.group(name="gen")
@click.option("-f", "--force", is_flag=True, help="replace files that exist")
@click.pass_context
def command(context: click.Context, force: bool) -> None:
    """Make secrets, machine configs and the client config."""
    context.obj = force


@command.command()
@click.option("-o", "--output-file", default="secrets.yaml", show_default=True, help="where to write, - for stdout")
@click.option("--from-controlplane-config", "source", metavar="FILE", help="take them from a control plane's config")
@click.option("-p", "--from-kubernetes-pki", "folder", metavar="FOLDER", help="take Kubernetes' from kubeadm's folder")
@click.option("-t", "--kubernetes-bootstrap-token", "token", metavar="TOKEN", help="what its kubelets join with")
@_talos_version
@click.pass_obj
def secrets(
    force: bool, /, output_file: str, source: str | None, folder: str | None, token: str | None, **_: str
) -> None:
    """Make a cluster's secrets, or recover them."""
    files.refuse_existing([output_file], force=force)
    made = bundle.of_control_plane(load(files.read(source), source)) if source else None
    made = made or generate.new_secrets(SystemClock().now())
    if folder:
        made = msgspec.structs.replace(made, certs=_of_kubernetes(made.certs, Path(folder)))
    if token:
        made = msgspec.structs.replace(made, secrets=msgspec.structs.replace(made.secrets, bootstrap_token=token))
    saved = bundle.save(made)
    bundle.load(saved, "what was taken over")
    files.write(output_file, saved, force=force)


def _of_kubernetes(certs: Certificates, folder: Path) -> Certificates:
    """With the authorities that a cluster of kubeadm's has."""

    def pair(name: str) -> CertificatePair:
        return CertificatePair(**{part: (folder / f"{name}.{part}").read_bytes() for part in ("crt", "key")})

    return msgspec.structs.replace(
        certs,
        etcd=pair("etcd/ca"),
        k8s=pair("ca"),
        aggregator=pair("front-proxy-ca"),
        service_account=SigningKey(key=(folder / "sa.key").read_bytes()),
    )


@command.command()
@click.argument("name")
@click.argument("endpoint")
@click.option("--with-secrets", metavar="FILE", help="use these secrets instead of new ones")
@click.option("--config-patch", multiple=True, metavar="PATCH", help="patch every machine config (YAML, JSON or @FILE)")
@click.option("--config-patch-control-plane", multiple=True, metavar="PATCH", help="patch the control plane's")
@click.option("--config-patch-worker", multiple=True, metavar="PATCH", help="patch the worker's")
@click.option("-t", "--output-types", multiple=True, help="controlplane, worker, talosconfig  [default: all]")
@click.option("-o", "--output", help="folder to write to, or the file (- for stdout) when one type is made")
@click.option("--additional-sans", multiple=True, help="more names of the API server and the nodes")
@click.option("--install-disk", default="/dev/sda", show_default=True)
@click.option("--install-image", default="", help="image to install from")
@click.option(
    "--kubernetes-version", "kubernetes", default=images.KUBERNETES, show_default=True, callback=newcluster.version
)
@click.option("--dns-domain", default="cluster.local", show_default=True)
@newcluster.registry_mirror
@click.option("--with-cluster-discovery/--without-cluster-discovery", default=True, show_default=True)
@click.option("--with-kubespan", is_flag=True)
@click.option("--with-docs/--without-docs", help="accepted: what keys mean is in docs/config.md, not in the files")
@click.option("--with-examples/--without-examples", help="accepted: there are none in the files")
@click.option("--version", "form", type=click.Choice(("v1alpha1",)), default="v1alpha1", help="of the files")
@_talos_version
@click.pass_obj
def config(force: bool, /, name: str, endpoint: str, **flags: Any) -> None:
    """Make the machine configs and the client config of cluster NAME, whose Kubernetes API is at ENDPOINT."""
    types = files.split(flags["output_types"]) or tuple(_TYPES)
    for kind in types:
        if kind not in _TYPES:
            raise click.BadParameter(f"{kind} is none of {', '.join(_TYPES)}", param_hint="--output-types")
    targets = _targets(types, flags["output"])
    files.refuse_existing(targets.values(), force=force)
    options = _options(name, endpoint, flags)
    secrets = _secrets(flags["with_secrets"])
    made = {kind: _make(kind, secrets, options, flags) for kind in types}
    for kind, data in made.items():
        files.write(targets[kind], data, force=force)
        if targets[kind] != "-":
            note(f"wrote {targets[kind]}")


def _targets(types: tuple[str, ...], output: str | None) -> dict[str, str]:
    if output and len(types) == 1 and not Path(output).is_dir():
        return {types[0]: output}
    if output == "-":
        raise click.BadParameter("- takes one type", param_hint="--output")
    return {kind: str(Path(output or ".") / _TYPES[kind]) for kind in types}


def _options(name: str, endpoint: str, flags: dict[str, Any]) -> Options:
    return Options(
        name=name,
        endpoint=endpoint,
        kubernetes=flags["kubernetes"],
        install_disk=flags["install_disk"],
        install_image=flags["install_image"],
        dns_domain=flags["dns_domain"],
        additional_sans=files.split(flags["additional_sans"]),
        registry_mirrors=flags["mirrors"],
        discovery=flags["with_cluster_discovery"],
        kubespan=flags["with_kubespan"],
    )


def _secrets(path: str | None) -> Bundle:
    if path:
        return bundle.load(files.read(path), path)
    return generate.new_secrets(SystemClock().now())


def _make(kind: str, secrets: Bundle, options: Options, flags: dict[str, Any]) -> bytes:
    if kind == "talosconfig":
        return client.save(generate.client_config(secrets, options, SystemClock().now()))
    if kind == "controlplane":
        text, own = generate.control_plane(secrets, options), flags["config_patch_control_plane"]
    else:
        text, own = generate.worker(secrets, options), flags["config_patch_worker"]
    for patch in (*flags["config_patch"], *own):
        text = merge_text(read(text, _TYPES[kind]), *files.patch(patch))
    return load(text, _TYPES[kind]).text


for _made in (genpki.authority, genpki.key, genpki.request, genpki.certificate, genpki.keypair):
    command.add_command(_made)
