"""The tools that make an image of a Containerfile: buildah, or podman or docker.

All three get the same Containerfile and the same folder. What they leave is a file, from which
the image is pushed to any registry, or loaded into a cluster.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

from . import _progress, images
from ._config import lookup
from ._exceptions import Unsupported, UsageError
from ._exec import Argument, run, stream
from .bases import Base
from .images import REGISTRY, buildah
from .packages import packages


class Builder(Protocol):
    """A tool that makes images."""

    name: str

    def build(
        self,
        reference: str,
        recipe: str,
        context: Path,
        archive: Path,
        step: _progress.Step,
        base: Base | None = None,
    ) -> None:
        """Make an image.

        :param reference: its full name.
        :param recipe: the text of its Containerfile.
        :param context: the folder it copies from.
        :param archive: the file to write.
        :param base: what its argument BASE stands for.
        :raises CommandError: the build failed.
        """

    def push(self, reference: str, archive: Path, *, address: str, name: str = "") -> None:
        """Push an image to a registry.

        :param name: the name it gets there, if another one.
        :param address: host and port at which the registry is reached from here.
        :raises CommandError: the registry refused it.
        """


class Buildah:
    """buildah from the unpacked packages; needs no daemon, and touches nothing of the host's."""

    name = "buildah"

    def build(
        self,
        reference: str,
        recipe: str,
        context: Path,
        archive: Path,
        step: _progress.Step,
        base: Base | None = None,
    ) -> None:
        # One name for all versions of a function: the last one's layers are there to build on.
        local = reference.rpartition(":")[0] + ":last" if base else reference
        before = self._stored(local)
        arguments = self._base(base, step)
        step.update("buildah build")
        with NamedTemporaryFile("w", prefix="Containerfile-") as containerfile:
            containerfile.write(recipe)
            containerfile.flush()
            # The same files make the same layer, which a registry then knows already.
            buildah("build", "--isolation", "chroot", "--layers", "--timestamp", "0",
                    "--pull-never", *arguments, "-f", containerfile.name, "-t", local,
                    context)  # fmt: skip
        if before not in ("", self._stored(local)):
            buildah("rmi", before)
        step.update("buildah push")
        # Compressed once, here: a push then sends the file's layers as they are.
        buildah("push", local, f"oci-archive:{archive}:{reference}")

    def push(self, reference: str, archive: Path, *, address: str, name: str = "") -> None:
        images.push(reference, archive, address=address, name=name)

    def _base(self, base: Base | None, step: _progress.Step) -> list[Argument]:
        """The option that names the base, which is in buildah's storage afterwards."""
        if base is None:
            return []
        if not self._stored(base.reference):
            step.update("load the base image")
            source = f"oci-archive:{base.archive}" if base.archive else base.reference
            trust = packages.find_file("etc/containers/policy.json")
            buildah("pull", "--signature-policy", trust, source)
        return ["--build-arg", f"BASE={base.reference}"]

    @staticmethod
    def _stored(reference: str) -> str:
        """The ID that an image has in buildah's storage, or nothing."""
        found = buildah("images", "--quiet", "--no-trunc", "--filter", f"reference={reference}")
        return found.strip()


class Engine:
    """podman or docker, whichever the user has."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(
        self,
        reference: str,
        recipe: str,
        context: Path,
        archive: Path,
        step: _progress.Step,
        base: Base | None = None,
    ) -> None:
        arguments: list[Argument] = []
        if base is not None:
            arguments = ["--build-arg", f"BASE={base.reference}"]
            if base.archive:
                run([self.name, "load", "--quiet", "--input", base.archive])
        with NamedTemporaryFile("w", prefix="Containerfile-") as containerfile:
            containerfile.write(recipe)
            containerfile.flush()
            stream(
                [self.name, "build", *arguments, "--file", containerfile.name,
                 "--tag", reference, context],
                on_line=step.update,
            )  # fmt: skip
        step.update(f"{self.name} save")
        form = ["--format", "oci-archive"] if self.name == "podman" else []
        run([self.name, "save", *form, "--output", archive, reference])

    def push(self, reference: str, archive: Path, *, address: str, name: str = "") -> None:
        target = (name or reference).replace(REGISTRY, address, 1)
        insecure = ["--tls-verify=false"] if self.name == "podman" else []
        run([self.name, "load", "--quiet", "--input", archive])
        run([self.name, "tag", reference, target])
        run([self.name, "push", *insecure, target])


def builder() -> Builder:
    """The tool that ``LAB_BUILDER`` names, else the first one that can be had.

    :raises UsageError: it names none.
    :raises Unsupported: none can be had.
    """
    asked = lookup("LAB_BUILDER")
    if asked not in (None, "", "buildah", "podman", "docker"):
        raise UsageError(f"LAB_BUILDER={asked!r} is no builder", remedy="buildah, podman, docker")
    if asked in ("podman", "docker"):
        return Engine(asked)
    if asked == "buildah" or shutil.which("apt-get"):
        return Buildah()
    for name in ("podman", "docker"):
        if shutil.which(name):
            return Engine(name)
    raise Unsupported(
        "images of functions are made with buildah, podman or docker, and none is to be had",
        remedy="install podman or docker",
    )
