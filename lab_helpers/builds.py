"""Building ahead, in the background too, and clearing away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from . import _progress, _wait, images, programs
from ._artifacts import Artifact, prune
from ._config import settings
from ._exceptions import LabError, UsageError
from ._exec import ENDS_WITH_US, PYTHON, spawn
from ._files import give_to_owner, locked, remove_tree

_SCAFFOLDING = ("go", "buildah", "overlay")
"""What only building needs."""
_WAITING = "wait for what is built in the background"


def foundation() -> list[Artifact]:
    """What a cluster and the first chapter need."""
    from .cluster.embedded import artifacts

    return artifacts.needed()


def course() -> list[Artifact]:
    """What all chapters need on this kind of cluster, in the order in which they need it."""
    from . import browser, components, functions

    own = settings().cluster == "embedded"
    # As the providers decide it: images of ours go to clusters that have a registry for them.
    pulled = settings().images or ("built" if own or settings().registry else "upstream")
    made: list[tuple[str, list[Artifact]]] = [
        *((each.chapter, each.artifacts) for each in functions.all_functions().values()),
        *(
            (each.chapter, components.artifacts(each, upstream=pulled == "upstream"))
            for each in map(components.declaration, components.names())
        ),
        ("11", browser.artifacts()),
    ]
    # Of one chapter, the functions first: they take seconds, where a component takes minutes.
    parts = [part for _, group in sorted(made, key=lambda each: each[0]) for part in group]
    return [*(foundation() if own else []), *parts]


def build(names: list[str]) -> None:
    """Build components, programs and images by name, or all that the course needs and is missing.

    :raises UsageError: there is nothing of that name.
    """
    if not names:
        build_course()
        return
    known = _by_name()
    for name in names:
        if name not in known:
            raise UsageError(f"nothing here is called {name!r}", remedy=", ".join(sorted(known)))
    for name in names:
        ensure(known[name])


def _by_name() -> dict[str, list[Artifact]]:
    from . import browser, components, functions

    return {
        "browser": browser.artifacts(),
        **{name: each.artifacts for name, each in functions.all_functions().items()},
        **{name: [each.artifact] for name, each in images.CATALOGUE.items()},
        **{name: [each.artifact] for name, each in programs.CATALOGUE.items()},
        **{n: components.artifacts(components.declaration(n)) for n in components.names()},
    }


def build_foundation() -> None:
    """Build what a cluster needs and is missing."""
    ensure(foundation())


def build_course() -> None:
    """Build what the course needs and is missing, and drop what only building needed."""
    ensure(course())
    _clear_away()


def clear_away_if_done() -> None:
    """Drop what only building needed, unless something is still to be built with it."""
    if all(artifact.exists for artifact in course()):
        _clear_away()


def _clear_away() -> None:
    scaffolding = [settings().cache / name for name in _SCAFFOLDING]
    if settings().cluster == "embedded" and any(folder.exists() for folder in scaffolding):
        with _building():
            prune(course())
            for folder in scaffolding:
                remove_tree(folder)


def ensure(artifacts: Iterable[Artifact]) -> None:
    """Build those that are missing, one at a time.

    Another ./lab may be building, too: the two take turns, so that whoever needs something now
    waits for one artefact at most.
    """
    for artifact in artifacts:
        if artifact.exists:
            continue
        with _building():
            try:
                artifact.build()
            finally:
                # An interrupted build goes on from here, under sudo or not.
                for name in _SCAFFOLDING:
                    give_to_owner(settings().cache / name)


def start_in_background() -> None:
    """Go on building what later chapters need while earlier ones run; it ends with this process."""
    missing = [artifact for artifact in course() if not artifact.exists]
    if not missing:
        _clear_away()
        return
    command = ["nice", "-n", "19", *ENDS_WITH_US, *PYTHON, "-m", "lab_helpers", "build"]
    spawn(command, log=_log())
    what = f"{len(missing)} parts of later chapters"
    _progress.say(f"building in the background: {what}, see {_log()}")


@contextmanager
def _building() -> Iterator[None]:
    """One build at a time: each uses every core, and who ends clears away what others use."""
    with ExitStack() as held:
        _take_turn(held)
        yield


def _take_turn(held: ExitStack) -> None:
    """Who waits holds the turnstile: whoever builds cannot pass it again and be first once more."""
    with locked(settings().cache / ".build.next.lock", "building", timeout=3600):
        try:
            _lock(held, timeout=0.1)
        except LabError:
            with _progress.step(_WAITING) as step:
                _wait.until("a turn to build", partial(_try_again, held, step), timeout=3600)


def _try_again(held: ExitStack, step: _progress.Step) -> None:
    try:
        _lock(held, timeout=1)
    except LabError as busy:
        step.update(_newest_line())
        raise _wait.NotYet(busy.what) from busy


def _lock(held: ExitStack, *, timeout: float) -> None:
    held.enter_context(locked(settings().cache / ".build.lock", "building", timeout=timeout))


def _log() -> Path:
    return settings().cache / "build.log"


def _newest_line() -> str:
    """How far the build in the background is, in its own words; not that it waits for its turn."""
    if not _log().exists():
        return ""
    built = [line for line in _log().read_text().splitlines() if _WAITING not in line]
    return built[-1].strip() if built else ""


def purge() -> None:
    """Remove the whole cache.

    :raises LabError: a cluster still lives in it.
    """
    marks = ("node.json", "cluster.json")
    alive = sorted(p.parent.name for mark in marks for p in settings().clusters.glob(f"*/{mark}"))
    if alive:
        raise LabError(
            "the cache is in use by a cluster",
            seen=", ".join(alive),
            remedy="./lab down for each of them (LAB_NAME=NAME, or --cluster …), then again",
        )
    remove_tree(settings().cache)
