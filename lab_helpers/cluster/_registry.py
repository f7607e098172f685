"""Images in a registry that is not the course's own: pushed there, and taken away again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from ssl import create_default_context

import httpx
from rich.markup import escape

from .. import _progress
from .._exceptions import CommandError, LabError, tail
from ..images import REGISTRY, push
from ..packages import packages


def load(images: Mapping[str, Path], registry: str) -> None:
    """Push those of the images that the registry does not have.

    :param registry: what stands in image names where manifests say ``localhost:32000``.
    :raises LabError: the registry does not answer, or refuses them.
    """
    verify = _is_encrypted(registry)
    packages.artifact.build()
    for reference, archive in images.items():
        target = reference.replace(REGISTRY, registry, 1)
        if _has(target, verify=verify):
            continue
        try:
            push(reference, archive, address=registry, verify=verify)
        except CommandError as refused:
            raise LabError(
                f"{registry} did not take {target}",
                seen=tail(refused.output),
                remedy=f"if it wants to know who you are: docker login {registry}",
            ) from refused


def remove(references: Sequence[str], registry: str) -> None:
    """Delete images from the registry. One that is not there is fine; a refusal is only said."""
    try:
        verify = _is_encrypted(registry)
    except LabError as unreachable:
        _progress.say(f"{', '.join(references)}: left where they are, as {unreachable.what}")
        return
    packages.artifact.build()
    for reference in references:
        target = reference.replace(REGISTRY, registry, 1)
        if not _has(target, verify=verify):
            continue
        try:
            _skopeo("delete", target, verify=verify)
        except CommandError as refused:
            _progress.say(f"the registry keeps {target}: {escape(tail(refused.output, 1))}")


def _has(target: str, *, verify: bool) -> bool:
    try:
        _skopeo("inspect", "--raw", target, verify=verify)
    except CommandError:
        # Registries say in many ways that they do not have it. Pushing shows what else it is.
        return False
    return True


def _skopeo(command: str, *arguments: str, verify: bool) -> str:
    *options, target = arguments
    tls = f"--tls-verify={str(verify).lower()}"
    return packages.run("skopeo", command, *options, tls, f"docker://{target}")


def _is_encrypted(registry: str) -> bool:
    """Whether the registry speaks TLS with a certificate that is trusted here.

    :raises LabError: it answers in no way that can be used.
    """
    host, _, _ = registry.partition("/")
    refusals = []
    for scheme in ("https", "http"):
        try:
            httpx.get(f"{scheme}://{host}/v2/", timeout=10, verify=create_default_context())
        except httpx.HTTPError as refused:
            refusals.append(f"{scheme}: {refused}")
            if "CERTIFICATE_VERIFY_FAILED" in str(refused):
                # Whoever answers without encryption may be anybody.
                break
        else:
            return scheme == "https"
    raise LabError(
        f"the registry {host} does not answer in a way that can be trusted",
        seen="\n".join(refusals),
        remedy=f"curl -v https://{host}/v2/ (or http:); it has to be named as this machine and the "
        "cluster both reach it, and its certificate be one that this machine trusts",
    )
