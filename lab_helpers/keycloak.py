"""Keycloak, from its published distribution, prepared as its own container image is.

Upstream's image needs a shell to start it. What that shell script says to Java is a file of
options here, so the image has Java, Keycloak, and nothing else.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import _progress
from ._artifacts import Artifact, digest
from ._config import environment
from ._exec import run
from ._files import write
from .maven import Maven, Pin

if TYPE_CHECKING:
    from .bases.java import DebianJava

_HOME = "/opt/keycloak"
BUILD = {"KC_DB": "dev-file", "KC_HEALTH_ENABLED": "true", "KC_METRICS_ENABLED": "true"}
"""What is fixed when it is built: which database it has, and that it says how it is."""
_ENTRY = "io.quarkus.bootstrap.runner.QuarkusEntryPoint"
_OPTIONS = (
    # One small realm: the simple collector and compiler take less memory, and start sooner.
    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx320m",
    "-XX:MaxMetaspaceSize=256m", "-XX:+ExitOnOutOfMemoryError", "-Dfile.encoding=UTF-8",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in (
        "lang", "security", "util", "util.concurrent",
    )),
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
)  # fmt: skip


@dataclass(frozen=True)
class KeycloakServer:
    """What the image is made of.

    :ivar folder: its folder of ``images/``, which pins the distribution.
    """

    folder: Path

    @property
    def version(self) -> str:
        """The published version, with a ``v``."""
        return f"v{self._pin.version}"

    @property
    def revision(self) -> str:
        """What tells images of the same version apart: what they are built and started with."""
        said = [f"{name}={value}" for name, value in BUILD.items()]
        return digest(self._pin.sha256, *_OPTIONS, *said)[:8]

    @property
    def artifact(self) -> Artifact:
        key = digest(self.revision, self._java.key)
        return Artifact("server-keycloak", f"prepare keycloak {self.version}", key, self._lay_out)

    def bin(self) -> Path:
        """The folder that the image is made of: ``keycloak`` and ``options``."""
        return self.artifact.build()

    @property
    def _pin(self) -> Pin:
        return Pin.read(self.folder / "maven.yaml")

    @property
    def _java(self) -> DebianJava:
        from .bases.java import DebianJava

        return DebianJava()

    def _lay_out(self, folder: Path, step: _progress.Step) -> None:
        home = folder / "keycloak"
        self._unpack(folder, home, step)
        step.update("build for its options")
        run(
            [*self._java.interpreter, *options(str(home)), "build"],
            env=environment(**BUILD), cwd=home,
        )  # fmt: skip
        write(folder / "options", "\n".join(options(_HOME)) + "\n")
        run(["chmod", "-R", "a+rX,go-w", folder])

    def _unpack(self, folder: Path, home: Path, step: _progress.Step) -> None:
        archive = Maven(self._java).fetch(self._pin, folder, step)
        step.update("unpack")
        with zipfile.ZipFile(archive) as content:
            content.extractall(folder)
        archive.unlink()
        (folder / f"keycloak-{self._pin.version}").rename(home)
        (home / "data").mkdir()


def options(home: str) -> list[str]:
    """What Java is told, for Keycloak in that folder."""
    return [*_OPTIONS, f"-Dkc.home.dir={home}", "-classpath", f"{home}/lib/quarkus-run.jar", _ENTRY]
