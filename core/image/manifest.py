"""What the image says about itself: files.json explains every path in it, the SBOM (SPDX 2.3) names every package."""

import hashlib
import json
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from core.image.entry import Entry
from core.image.lock import Lock, Pin

FILES: Final = "ichor/share/files.json"
SBOM: Final = "ichor/share/sbom.spdx.json"
VERSION: Final = "ichor/share/version"
_KINDS: Final = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def files(entries: Iterable[Entry]) -> bytes:
    """One object a line: path, kind, mode, group, package, reason, and for a file its size and SHA-256. files.json
    lists itself without these two."""
    lines = [json.dumps(_describe(entry), separators=(",", ":")) for entry in entries]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def hash_of(listing: bytes) -> bytes:
    """What the footer carries of files.json."""
    return hashlib.sha256(listing).digest()


def sbom(entries: Iterable[Entry], lock: Lock, kernel: Pin, version: str) -> bytes:
    """The packages that files of the image come from, with the hashes of what was downloaded."""
    used = {entry.package for entry in entries} | {kernel.name}
    pins = [pin for pin in lock.section("image", "wheel") if pin.name in used] + [kernel]
    date = datetime.fromtimestamp(lock.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ours = _package("ichor", version, None)
    packages = [ours, *(_package(pin.name, pin.version, pin) for pin in sorted(pins, key=lambda p: p.name))]
    name = f"ichor-{version}"
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"urn:ichor:sbom:{version}:{_digest(packages)}",
        "creationInfo": {"created": date, "creators": ["Tool: ichor-image"]},
        "packages": packages,
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", ours),
            *(_relation(ours["SPDXID"], "CONTAINS", other) for other in packages[1:]),
        ],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def _describe(entry: Entry) -> dict[str, object]:
    found: dict[str, object] = {
        "path": f"/{entry.path}",
        "kind": _KINDS[stat.S_IFMT(entry.mode)],
        "mode": f"{stat.S_IMODE(entry.mode):04o}",
        "group": entry.group,
        "package": entry.package,
        "reason": entry.reason,
    }
    if entry.target:
        found["target"] = entry.target
    if entry.is_file and entry.path != FILES:
        content = entry.content()
        found |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return found


def _relation(element: object, kind: str, other: dict[str, object]) -> dict[str, object]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other["SPDXID"]}


def _package(name: str, version: str, pin: Pin | None) -> dict[str, object]:
    safe = "".join(c if c.isalnum() or c in ".-" else "-" for c in name)
    found: dict[str, object] = {
        "SPDXID": f"SPDXRef-Package-{safe}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }
    if pin is not None:
        kind = f"pypi/{name.lower()}@" if pin.section == "wheel" else f"deb/debian/{name}@"
        locator = f"pkg:{kind}{version.replace('+', '%2B').replace(':', '%3A')}"
        found["checksums"] = [{"algorithm": "SHA256", "checksumValue": pin.sha256}]
        found["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}
        ]
    return found


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
