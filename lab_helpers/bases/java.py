"""The image that functions in Java start from, made of the distribution's own packages.

The runtime has the compiler as one of its modules, so a function is compiled by what it will run
on, and no development kit is needed. Classes that every server loads are in an archive that is
mapped into memory at the start, rather than read and verified one by one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from .. import _progress
from .._apt import release
from .._artifacts import Artifact
from .._exceptions import LabError
from .._exec import Argument, run
from .._files import remove_tree
from .._roots import check_libraries, program
from ..images import IMAGES
from ._debian import DebianBase

_RELEASES_WITH_17 = ("debian 11", "debian 12", "ubuntu 22.04", "ubuntu 24.04")
_LANGUAGE = "17"
"""The version of the language, however new a distribution's runtime is."""
_KEPT = re.compile(r"ca-certificates|libc6|libgcc-s1|libstdc\+\+6|openjdk-\d+-jre-headless|zlib1g")
_HOME = "usr/lib/jvm/java-*-openjdk-*"
_PRUNED = (
    "usr/bin/*", f"{_HOME}/bin/[!j]*", f"{_HOME}/bin/jpackage", f"{_HOME}/docs",
    f"{_HOME}/legal", f"{_HOME}/lib/ct.sym", f"{_HOME}/lib/jexec", f"{_HOME}/lib/jrt-fs.jar",
    f"{_HOME}/lib/server/*.jsa", f"{_HOME}/man",
    # Pictures, sound and smart cards: the libraries that they need are left out, too.
    *(f"{_HOME}/lib/lib{name}.so" for name in (
        "awt*", "fontmanager", "freetype", "j2gss", "j2pcsc", "javajpeg", "jsound", "lcms",
        "mlib_image", "sctp",
    )),
)  # fmt: skip
_TOOLS = sorted((IMAGES / "java-base").glob("*.java"))
_COMPILER = ("-XX:TieredStopAtLevel=1", "-Duser.language=en", "--module",
             "jdk.compiler/com.sun.tools.javac.Main")  # fmt: skip


class DebianJava(DebianBase):
    """Java from the packages of Debian or Ubuntu: 17, or what a distribution without it has."""

    name = "java-base"
    pruned = _PRUNED
    inputs = (_KEPT.pattern,)

    @property
    def packages(self) -> Sequence[str]:
        known = release() in _RELEASES_WITH_17
        return ("ca-certificates", f"{'openjdk-17' if known else 'default'}-jre-headless")

    def keeps(self, package: str) -> bool:
        return bool(_KEPT.fullmatch(package))

    def complete(self, root: Path, step: _progress.Step) -> None:
        home = _home(root)
        (root / "usr/bin/java").symlink_to(f"../../{home.relative_to(root)}/bin/java")
        check_libraries(root, home / "bin", home / "lib", home / "lib/server")
        step.update("archive the classes of a server")
        tools = root.parent / "tools"
        run([*_interpreter(root), *_COMPILER, "-d", tools, *_TOOLS])
        _trust(root, tools, home / "lib/security/cacerts")
        _archive_classes(root, tools)
        remove_tree(tools)

    @property
    def interpreter(self) -> list[Argument]:
        """How its Java is run on this machine: with its own libraries, not ours."""
        return _interpreter(self.root)

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        del seen_as  # a stack trace has the names of files without their folders
        _compile([*self.interpreter, *_COMPILER], folder, beside)


class UpstreamJava:
    """Eclipse's build of Java, for podman and docker where there are no Debian packages."""

    archive = None
    artifacts: tuple[Artifact, ...] = ()
    key = _LANGUAGE
    reference = f"docker.io/library/eclipse-temurin:{_LANGUAGE}-jre"
    compiler = f"docker.io/library/eclipse-temurin:{_LANGUAGE}-jdk"
    """The image with a compiler, which is run once for each function."""

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        from ..builders import builder

        del seen_as
        engine = builder().name
        # The folders get the names that they have here, for the messages.
        shared = (word for each in (folder, *beside) for word in ("--volume", f"{each}:{each}:z"))
        command = [engine, "run", "--rm", "--network", "none", *_as_this_user(engine), *shared]
        _compile([*command, self.compiler, "javac"], folder, beside)


def _as_this_user(engine: str) -> list[Argument]:
    """How a container is told to write files that belong to who runs this."""
    if engine == "podman" and os.getuid() != 0:
        return ["--userns", "keep-id"]
    return ["--user", f"{os.getuid()}:{os.getgid()}"]


def _compile(compiler: Sequence[Argument], folder: Path, beside: Sequence[Path]) -> None:
    """Put classes into a folder in the place of their sources.

    :raises CommandError: a source is not valid Java; the error says which and where.
    """
    sources = sorted(folder.rglob("*.java"))
    if not sources:
        return
    path = ":".join(map(str, (folder, *beside)))
    run(
        [*compiler, "-source", _LANGUAGE, "-target", _LANGUAGE, "-encoding", "UTF-8", "-g",
         "-proc:none", "-Xlint:-options", "-classpath", path, "-d", folder, *sources]
    )  # fmt: skip
    for source in sources:
        source.unlink()


def _home(root: Path) -> Path:
    for found in root.glob(_HOME):
        if not found.is_symlink():
            return found
    raise LabError(f"there is no Java in {root}")


def _interpreter(root: Path) -> list[Argument]:
    return program(root, f"{_home(root).relative_to(root)}/bin/java")


def _trust(root: Path, tools: Path, store: Path) -> None:
    """Have Java trust the certificates of the distribution, in its own format."""
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    store.unlink(missing_ok=True)
    run([*_interpreter(root), "-classpath", tools, "Trust", bundle, store])


def _archive_classes(root: Path, tools: Path) -> None:
    java, listed = _interpreter(root), tools / "classes"
    run([*java, f"-XX:DumpLoadedClassList={listed}", "-classpath", tools, "WarmUp"])
    # An archive made with another collector lacks the objects that are mapped at the start.
    run([*java, "-XX:+UseG1GC", "-Xshare:dump", f"-XX:SharedClassListFile={listed}"])
