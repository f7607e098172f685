"""What the cluster's registry has of a function's image."""

from __future__ import annotations

from .._exceptions import CommandError, LabError, Unsupported
from ..images import REGISTRY
from ..packages import packages

_UNKNOWN = ("manifest unknown", "name unknown", "not found")


def digest(image: str, *, address: str) -> str:
    """The digest of an image that was pushed, as ``sha256:…``; empty where it cannot be had.

    OpenFaaS changes the pods of a function whenever it is asked to, as a tag may have moved. With a
    digest it does not need to, and changes them when something has changed.

    :param image: its full name, as on the course's own cluster.
    :param address: host and port at which the registry is reached from here.
    :raises LabError: the registry does not have it.
    """
    try:
        packages.artifact.build()
    except Unsupported:
        # skopeo is one of the distribution's packages. What pushed the image was podman or docker.
        return ""
    target = f"docker://{image.replace(REGISTRY, address, 1)}"
    asked = ("inspect", "--no-tags", "--format", "{{.Digest}}", "--tls-verify=false", target)
    try:
        return packages.run("skopeo", *asked).strip()
    except CommandError as refused:
        if any(word in refused.output for word in _UNKNOWN):
            name = image.rpartition("/")[2].partition(":")[0]
            raise LabError(
                f"the image {image} is not in the registry", seen=refused.output,
                remedy=f"faas.push({name!r}), then deploy it",
            ) from refused  # fmt: skip
        raise
