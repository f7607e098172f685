"""The images that functions start from, made of the distribution's packages."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from .. import _progress
from .._artifacts import Artifact
from .._roots import DebianRoot
from ..images import IMAGES, REGISTRY


class DebianBase(DebianRoot):
    """A base for one language, as an OCI archive and as a folder."""

    @cached_property
    def artifact(self) -> Artifact:
        key = self.key_of(IMAGES / self.name)
        return Artifact(f"image-{self.name}", f"make image {self.name}", key, self._make)

    @property
    def artifacts(self) -> list[Artifact]:
        """What must be in the cache before it can be built on."""
        return [self.artifact]

    @property
    def key(self) -> str:
        return self.artifact.key

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/lab/{self.name}:{self.key}"

    @property
    def archive(self) -> Path:
        return self.artifact.build() / "image.tar"

    @property
    def root(self) -> Path:
        """The same as a folder, whose programs can be run on this machine."""
        return self.artifact.build() / "root"

    def _make(self, folder: Path, step: _progress.Step) -> None:
        from ..builders import Buildah

        root = folder / "root"
        self.make_root(root, step)
        recipe = (IMAGES / self.name / "Containerfile").read_text()
        Buildah().build(self.reference, recipe, root, folder / "image.tar", step)
