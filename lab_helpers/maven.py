"""What is published for Java only, fetched with Maven and checked by its hash.

Maven comes from the distribution's packages and runs on the course's own Java; neither is
installed. It asks the repositories that its settings name: a learner's ``~/.m2/settings.xml``
counts, and with it mirrors and proxies.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from . import _progress, _yaml
from ._apt import Apt, release, unpack
from ._artifacts import Artifact, digest
from ._config import ROOT, lookup
from ._exceptions import LabError
from ._exec import Argument, run, stream
from ._files import remove_tree
from ._roots import relink

if TYPE_CHECKING:
    from .bases.java import DebianJava

_PACKAGES = ("libwagon-http-shaded-java", "maven")
_JAVA = ("default-jre-headless",)
"""Maven asks for it, and gets the course's own."""
_TRUST = ROOT / "images" / "java-base" / "Trust.java"
_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts, as its other programs do, whoever stands between it and the network."""
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


class Pin(BaseModel):
    """One published file, as ``maven.yaml`` in a folder of ``images/`` says it.

    :ivar type: its kind, which is how its name ends.
    :ivar sha256: of its content; what comes with another one is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str
    artifact: str
    version: str
    type: str
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Pin:
        """The pin that a file holds."""
        return cls(**_yaml.load(path.read_text()))

    @property
    def coordinates(self) -> str:
        """What Maven calls it."""
        return ":".join((self.group, self.artifact, self.version, self.type))


@dataclass(frozen=True)
class Maven:
    """The tool, on a Java."""

    java: DebianJava

    @cached_property
    def artifact(self) -> Artifact:
        key = digest(*_PACKAGES, release(), self.java.key)
        return Artifact("maven", "unpack Maven (nothing is installed)", key, self._unpack)

    def fetch(self, pin: Pin, folder: Path, step: _progress.Step) -> Path:
        """Put a published file into a folder.

        :raises CommandError: no repository that is known has it.
        :raises LabError: its content is not what was pinned.
        """
        scratch = folder / ".m2"
        scratch.mkdir()
        stream(
            [*self._command(scratch), "--batch-mode", "--no-transfer-progress",
             "-Dstyle.color=never", f"-Dmaven.repo.local={scratch}", _COPY,
             f"-Dartifact={pin.coordinates}", f"-DoutputDirectory={folder}"],
            on_line=step.update,
            remedy="check the network to Maven's repository, or name a mirror in "
            "~/.m2/settings.xml; then run it again",
        )  # fmt: skip
        remove_tree(scratch)
        (found,) = folder.glob(f"{pin.artifact}-*.{pin.type}")
        with found.open("rb") as content:
            seen = hashlib.file_digest(content, "sha256").hexdigest()
        if seen != pin.sha256:
            raise LabError(
                f"{pin.coordinates} is not the file that was pinned",
                seen=f"sha256 {seen}, and not {pin.sha256}",
                remedy="look at who answers for Maven's repository here",
            )
        return found

    def _command(self, scratch: Path) -> list[Argument]:
        trusted = scratch / "trusted"
        run([*self.java.interpreter, _TRUST, _bundle(), trusted])
        home = self.artifact.build() / "usr/share/maven"
        (loader,) = (home / "boot").glob("plexus-classworlds*.jar")
        return [
            *self.java.interpreter, "-classpath", loader, f"-Dmaven.home={home}",
            f"-Dclassworlds.conf={home / 'bin/m2.conf'}",
            f"-Dmaven.multiModuleProjectDirectory={scratch}",
            f"-Djavax.net.ssl.trustStore={trusted}",
            "org.codehaus.plexus.classworlds.launcher.Launcher",
        ]  # fmt: skip

    def _unpack(self, folder: Path, step: _progress.Step) -> None:
        apt = Apt(folder / "apt", bare=True, provided=_JAVA)
        for deb in apt.fetch(_PACKAGES, step):
            step.update(deb.name)
            unpack(deb, folder)
        remove_tree(apt.folder)
        relink(folder)


def _bundle() -> str:
    return lookup("SSL_CERT_FILE") or str(_TRUSTED)
