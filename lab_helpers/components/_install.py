"""Enable: it can be repeated, and goes on from wherever the last one was cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .. import _progress, _wait, builds
from .._artifacts import digest
from .._exceptions import CommandError, LabError, UsageError, tail
from ..cluster import Connection, Provider
from . import _choice, _parts, _record, _rendering, _secrets
from ._declaration import Declaration, declaration
from ._objects import as_yaml, existing, identity, label, run_kubectl
from ._record import Entry
from ._removal import take_off
from ._rendering import Object
from ._workloads import wait_for_state, wait_until_ready

FIRST = ("Namespace", "CustomResourceDefinition")
"""What the rest needs to be there before it."""
TIMEOUT = 180


def enable(provider: Provider, name: str) -> None:
    """Put a component on the cluster, what it needs before it, and wait until it is ready.

    :param name: a component, or a system that several provide, of which one fits the cluster.
    :raises UsageError: there is no such component, or it is not for this kind of cluster.
    :raises LabError: something of the same name is there that is not the course's, or what was
        built cannot be had.
    :raises WaitTimeout: it did not become ready; says which workload, and why.
    """
    name = _choice.chosen(provider, name)
    wanted = declaration(name)
    if not wanted.is_for(provider.name):
        raise UsageError(
            f"{name} is not for this cluster, but for: {', '.join(wanted.clusters)}",
            remedy=wanted.instead,
        )
    for each in _with_needs(name, provider.name):
        with _record.changing(each):
            _enable(provider, declaration(each))


def _with_needs(name: str, cluster: str) -> list[str]:
    """A component after all that it needs, as far as that is for this kind of cluster."""
    needed: dict[str, None] = {}
    for each in declaration(name).needs:
        if declaration(each).is_for(cluster):
            needed.update(dict.fromkeys(_with_needs(each, cluster)))
    return [*needed, name]


def _enable(provider: Provider, component: Declaration) -> None:
    connection = provider.connection()
    upstream = connection.images == "upstream"
    builds.ensure(_parts.artifacts(component, upstream=upstream))
    with _progress.step(f"enable {component.name} {_parts.version(component)}") as step:
        wanted = _rendering.objects(component, connection)
        known = _record.enabled(connection).get(component.name)
        entry = _entry(component, wanted, known, upstream=upstream)
        if known and _is_there(connection, known, entry, wanted):
            return
        if known and known.state == "disabling":
            # What was told to go cannot be made again before it is gone.
            take_off(connection, component.name, step.update)
        wanted = _not_foreign(connection, component, wanted)
        _record.write(connection, component.name, replace(entry, state="enabling", digest=""))
        _put(provider, component, wanted, step.update, upstream=upstream)
        step.update("waiting until it is ready")
        wait_until_ready(connection, wanted, timeout=TIMEOUT, on_state=step.update)
        _wait_until_accepted(connection, component)
        if component.becomes:
            wait_for_state(connection, component.becomes, on_state=step.update)
        _record.write(connection, component.name, entry)


def _entry(
    component: Declaration, wanted: list[Object], known: Entry | None, *, upstream: bool
) -> Entry:
    """What the record says of it once it is enabled."""
    put = {
        *(known.images if known else ()),
        *_parts.own_images(component, upstream=upstream),
    }
    version = _parts.version(component)
    return Entry("enabled", version, digest(json.dumps(wanted)), tuple(sorted(put)))


def _put(
    provider: Provider, component: Declaration, wanted: list[Object],
    on_state: Callable[[str], None], *, upstream: bool,
) -> None:  # fmt: skip
    """Apply the objects, and put the images where the cluster finds them."""
    connection = provider.connection()
    with ThreadPoolExecutor(1) as pool:
        # Unpacking images takes as long as the rest; the pods wait for them by themselves.
        loaded = pool.submit(_load_images, provider, component, upstream=upstream)
        on_state("definitions")
        apply(connection, [each for each in wanted if each["kind"] in FIRST])
        wait_until_established(connection, wanted)
        on_state("images")
        loaded.result()
        on_state("objects")
        apply(connection, [each for each in wanted if each["kind"] == "Secret"])
        _secrets.fill(connection, wanted)
        rest = [each for each in wanted if each["kind"] not in (*FIRST, "Secret")]
        _apply_with_hooks(connection, rest)


def _is_there(connection: Connection, known: Entry, entry: Entry, wanted: list[Object]) -> bool:
    """Whether exactly this was enabled before and works, so that there is nothing to do."""
    if (known.state, known.digest) != (entry.state, entry.digest):
        return False
    if len(existing(connection, wanted)) < len(wanted):
        return False
    try:
        wait_until_ready(connection, wanted, timeout=5)
    except LabError:
        return False
    return True


def _load_images(provider: Provider, component: Declaration, *, upstream: bool) -> None:
    made = _parts.built(component, upstream=upstream)
    if made:
        provider.load_images({image.reference: image.archive for image in made})


def _not_foreign(
    connection: Connection, component: Declaration, wanted: list[Object]
) -> list[Object]:
    """Those objects that are the course's to apply.

    Definitions that somebody else brought are used and left alone.

    :raises LabError: anything else of the same name is there and is not the course's.
    """
    found = existing(connection, wanted)
    foreign = {identity(o) for o in found if label(o) != component.name}
    others = [each for each in wanted if identity(each) in foreign]
    taken = [each for each in others if each["kind"] != "CustomResourceDefinition"]
    if taken:
        raise LabError(
            f"{component.name} cannot be enabled: it is on this cluster already, and is not the "
            "course's",
            seen=", ".join(" ".join(filter(None, identity(each))) for each in taken[:5]),
            remedy="use another cluster, or remove what is there the way it was installed",
        )
    return [each for each in wanted if identity(each) not in foreign]


def apply(connection: Connection, wanted: list[Object]) -> None:
    """Have the cluster's objects be as these are; they are the course's from then on."""
    if wanted:
        run_kubectl(connection, "apply", "--server-side", "--force-conflicts",
                 "--field-manager=lab-components", "-f", "-", stdin=as_yaml(wanted))  # fmt: skip


def _apply_with_hooks(connection: Connection, wanted: list[Object]) -> None:
    """Apply where some objects are checked by a part of the component that may be starting yet."""

    def attempt() -> None:
        try:
            apply(connection, wanted)
        except CommandError as refused:
            if "failed calling webhook" in refused.output:
                raise _wait.NotYet(tail(refused.output, 2)) from refused
            raise

    _wait.until("the component's webhooks to answer", attempt, timeout=60, interval=1)


def wait_until_established(connection: Connection, wanted: list[Object]) -> None:
    """Wait until objects of the kinds that are defined among some objects can be made."""
    brought = [each for each in wanted if each["kind"] == "CustomResourceDefinition"]
    if brought:
        run_kubectl(connection, "wait", "--for=condition=Established", "--timeout=60s",
                 "-f", "-", stdin=as_yaml(brought))  # fmt: skip


def _wait_until_accepted(connection: Connection, component: Declaration) -> None:
    """Ready pods are not yet a ready component: its webhooks' certificates come a moment later."""
    if not component.accepts:
        return

    def attempt() -> None:
        try:
            run_kubectl(connection, "create", "--dry-run=server", "-f", "-",
                        stdin=as_yaml([component.accepts]))  # fmt: skip
        except CommandError as refused:
            raise _wait.NotYet(tail(refused.output, 2)) from refused

    kind = component.accepts["kind"]
    _wait.until(f"{component.name} to accept a {kind}", attempt, timeout=60)
