"""From which version of Kubernetes to which a cluster may go, and what an image is called then. Pure: who knows what
runs asks here, and nothing here knows a node. Refused are minors that are skipped, older minors, and releases that the
table of versions does not know."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, Self

from core.base.errors import Invalid, Unsupported
from core.cluster.kubernetes import versions
from core.cluster.kubernetes.versions import Release

_FORM: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
# minors that a kubelet may be behind kube-apiserver: the first release of each (version skew policy)
_BEHIND: Final[tuple[tuple[Release, int], ...]] = (((1, 20), 2), ((1, 28), 3))


class Version(NamedTuple):
    """A semantic version, in the order of semver.org: a prerelease (not `final`) is before its release."""

    major: int
    minor: int
    patch: int
    final: bool = True
    labels: tuple[tuple[bool, int, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of "1.34.1" or "v1.34.1-rc.0". Raises Invalid."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise Invalid(f"{text!r} is no version of Kubernetes", remedy="name one such as 1.34.1")
        labels = tuple(_label(each) for each in found[4].split(".")) if found[4] else ()
        return cls(int(found[1]), int(found[2]), int(found[3]), not labels, labels)

    @property
    def release(self) -> Release:
        """Its minor release."""
        return self.major, self.minor

    def __str__(self) -> str:
        labels = ".".join(text for _, _, text in self.labels)
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{labels}" if labels else "")


def _label(text: str) -> tuple[bool, int, str]:
    """Numbers are before words, and in the order of numbers."""
    return (False, int(text), text) if text.isdecimal() else (True, 0, text)


def tagged(image: str) -> Version | None:
    """What an image's tag says it is; None for a tag that is no version, and for a digest alone."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return Version.parse(tag) if _FORM.fullmatch(tag) else None


def retagged(image: str, version: Version) -> str:
    """The image of another version in the same place. A digest was that of the old one, so it is left out."""
    whole = image.partition("@")[0]
    folder, slash, last = whole.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}:v{version}"


def lowest(found: Iterable[Version | None]) -> Version:
    """Of what runs, as far as that is known. Raises Invalid when nothing is."""
    known = [version for version in found if version is not None]
    if not known:
        raise Invalid("no image of the cluster says its version", remedy="say by --from what runs")
    return min(known)


def check(before: Version, after: Version) -> None:
    """Whether a cluster may go from one to the other. Raises Unsupported."""
    way = f"from {before} to {after}"
    if not versions.OLDEST <= after.release <= versions.NEWEST:
        first, last = (".".join(map(str, release)) for release in (versions.OLDEST, versions.NEWEST))
        raise Unsupported(f"Kubernetes {after} is not known here", remedy=f"releases {first} to {last} are")
    if after.release < before.release:
        raise Unsupported(f"no way leads {way}: a cluster does not go back to an older minor release")
    if after.major != before.major or after.minor > before.minor + 1:
        between = f"{before.major}.{before.minor + 1}"
        raise Unsupported(f"no way leads {way}: a minor release is skipped", remedy=f"go to {between} first")


def check_kubelet(kubelet: Version, after: Version) -> None:
    """Whether kubelets of one version may stay under a control plane of another. Raises Unsupported."""
    allowed = next(minors for since, minors in reversed(_BEHIND) if since <= after.release)
    if not after.minor - allowed <= kubelet.minor <= after.minor:
        raise Unsupported(
            f"a kubelet {kubelet} cannot stay under a control plane {after}",
            remedy="take kubelets to the version that the control plane has, first",
        )
