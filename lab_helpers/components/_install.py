"""Enable and disable: each can be repeated, and goes on from wherever the last one was cut off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import yaml

from .. import _progress, _wait, builds
from .._artifacts import digest
from .._exceptions import CommandError, LabError, UsageError, WaitTimeout, tail
from .._kubectl import kubectl
from ..cluster import Connection, Provider
from . import _parts, _record, _rendering
from ._declaration import Declaration, declaration, names
from ._record import Entry
from ._rendering import LABEL, Object
from ._workloads import wait_until_ready

FIRST = ("Namespace", "CustomResourceDefinition")
"""What the rest needs to be there before it."""
_HOOKS = "validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices"
TIMEOUT = 180


def enable(provider: Provider, name: str) -> None:
    """Put a component on the cluster, what it needs before it, and wait until it is ready.

    :raises UsageError: there is no such component.
    :raises LabError: something of the same name is there that is not the course's, or what was
        built cannot be had.
    :raises WaitTimeout: it did not become ready; says which workload, and why.
    """
    for each in _with_needs(name):
        _enable(provider, declaration(each))


def _with_needs(name: str) -> list[str]:
    needed: dict[str, None] = {}
    for each in declaration(name).needs:
        needed.update(dict.fromkeys(_with_needs(each)))
    return [*needed, name]


def _enable(provider: Provider, component: Declaration) -> None:
    connection = provider.connection()
    upstream = connection.images == "upstream"
    builds.ensure(_parts.artifacts(component, upstream=upstream))
    with _progress.step(f"enable {component.name} {_parts.version(component)}") as step:
        wanted = _rendering.objects(component, connection)
        entry = Entry("enabled", _parts.version(component), digest(json.dumps(wanted)),
                      () if upstream else _own_images(component))  # fmt: skip
        if _is_there(connection, component.name, entry):
            return
        wanted = _not_foreign(connection, component, wanted)
        _record.write(connection, component.name, replace(entry, state="enabling", digest=""))
        with ThreadPoolExecutor(1) as pool:
            # Unpacking images takes as long as the rest; the pods wait for them by themselves.
            loaded = pool.submit(_load_images, provider, component) if not upstream else None
            step.update("definitions")
            _apply(connection, [each for each in wanted if each["kind"] in FIRST])
            _wait_until_established(connection, wanted)
            if loaded:
                step.update("images")
                loaded.result()
            step.update("objects")
            _apply_with_hooks(connection, [each for each in wanted if each["kind"] not in FIRST])
        step.update("waiting until it is ready")
        wait_until_ready(connection, wanted, timeout=TIMEOUT, on_state=step.update)
        _wait_until_accepted(connection, component)
        _record.write(connection, component.name, entry)


def _is_there(connection: Connection, name: str, entry: Entry) -> bool:
    """Whether exactly this was enabled before and works, so that there is nothing to do."""
    known = _record.enabled(connection).get(name)
    if known is None or (known.state, known.digest) != ("enabled", entry.digest):
        return False
    present = _labelled(connection, name, "deployments,daemonsets,statefulsets")
    try:
        wait_until_ready(connection, present, timeout=5)
    except LabError:
        return False
    return bool(present)


def _own_images(component: Declaration) -> tuple[str, ...]:
    """The images that only this component runs, by the names the course gives them."""
    return tuple(_parts.image(component, i).reference for i in component.images if i.program)


def _load_images(provider: Provider, component: Declaration) -> None:
    made = [_parts.image(component, each) for each in component.images]
    provider.load_images({image.reference: image.archive for image in made})


def _not_foreign(
    connection: Connection, component: Declaration, wanted: list[Object]
) -> list[Object]:
    """Those objects that are the course's to apply.

    Definitions that somebody else brought are used and left alone.

    :raises LabError: anything else of the same name is there and is not the course's.
    """
    found = _existing(connection, wanted)
    foreign = {_identity(o) for o in found if _label(o) != component.name}
    others = [each for each in wanted if _identity(each) in foreign]
    taken = [each for each in others if each["kind"] != "CustomResourceDefinition"]
    if taken:
        raise LabError(
            f"{component.name} cannot be enabled: it is on this cluster already, and is not the "
            "course's",
            seen=", ".join(" ".join(filter(None, _identity(each))) for each in taken[:5]),
            remedy="use another cluster, or remove what is there the way it was installed",
        )
    return [each for each in wanted if _identity(each) not in foreign]


def _existing(connection: Connection, wanted: list[Object]) -> list[Object]:
    """Those of the objects that are on the cluster; kinds it does not know are not."""
    known = _kinds(connection)
    asked = [each for each in wanted if _group_kind(each) in known]
    if not asked:
        return []
    listed = _kubectl(connection, "get", "-f", "-", "--ignore-not-found", "-o", "json",
                      stdin=_yaml(asked))  # fmt: skip
    return _items(listed)


def _kinds(connection: Connection) -> set[tuple[str, str]]:
    """Group and kind of everything that the cluster knows."""
    lines = _kubectl(connection, "api-resources", "--no-headers").splitlines()
    rows = [line.split() for line in lines]
    return {(row[-3].rpartition("/")[0], row[-1]) for row in rows}


def _group_kind(each: Object) -> tuple[str, str]:
    return each["apiVersion"].rpartition("/")[0], each["kind"]


def _identity(each: Object) -> tuple[str, str, str, str]:
    group, kind = _group_kind(each)
    return group, kind, each["metadata"].get("namespace", ""), each["metadata"]["name"]


def _label(each: Object) -> str:
    label: str = each["metadata"].get("labels", {}).get(LABEL, "")
    return label


def _apply(connection: Connection, wanted: list[Object]) -> None:
    if wanted:
        _kubectl(connection, "apply", "--server-side", "--force-conflicts",
                 "--field-manager=lab-components", "-f", "-", stdin=_yaml(wanted))  # fmt: skip


def _apply_with_hooks(connection: Connection, wanted: list[Object]) -> None:
    """Apply where some objects are checked by a part of the component that may be starting yet."""

    def attempt() -> None:
        try:
            _apply(connection, wanted)
        except CommandError as refused:
            if "failed calling webhook" in refused.output:
                raise _wait.NotYet(tail(refused.output, 2)) from refused
            raise

    _wait.until("the component's webhooks to answer", attempt, timeout=60, interval=1)


def _wait_until_established(connection: Connection, wanted: list[Object]) -> None:
    brought = [each for each in wanted if each["kind"] == "CustomResourceDefinition"]
    if brought:
        _kubectl(connection, "wait", "--for=condition=Established", "--timeout=60s",
                 "-f", "-", stdin=_yaml(brought))  # fmt: skip


def _wait_until_accepted(connection: Connection, component: Declaration) -> None:
    """Ready pods are not yet a ready component: its webhooks' certificates come a moment later."""
    if not component.accepts:
        return
    sample = component.folder / component.accepts

    def attempt() -> None:
        try:
            _kubectl(connection, "create", "--dry-run=server", "-f", sample)
        except CommandError as refused:
            raise _wait.NotYet(tail(refused.output, 2)) from refused

    _wait.until(f"{component.name} to accept {component.accepts}", attempt, timeout=60)


def disable(provider: Provider, name: str) -> None:
    """Take a component off the cluster, with all that it brought and all that was made of it.

    Custom resources go before the controllers that end them, definitions and namespaces last.

    :raises UsageError: there is no such component, or an enabled one needs it.
    :raises WaitTimeout: something did not go; says what is left.
    """
    component = declaration(name)
    connection = provider.connection()
    known = _record.enabled(connection)
    if needing := [each for each in known if name in _needs(each)]:
        raise UsageError(
            f"{name} is needed by {', '.join(needing)}", remedy=f"./lab disable {needing[0]}"
        )
    put = known[name].images if name in known else ()
    with _progress.step(f"disable {name}") as step:
        entry = Entry("disabling", _parts.version(component), images=put)
        _record.write(connection, name, entry)
        for what, remove in _REMOVALS.items():
            step.update(what)
            remove(connection, name)
        step.update("images")
        provider.remove_images(sorted({*put, *_own_images(component)}))
        _record.write(connection, name, None)


def _needs(name: str) -> tuple[str, ...]:
    return declaration(name).needs if name in names() else ()


def _remove_custom_resources(connection: Connection, name: str) -> None:
    """Every object of the kinds that the component brought, in every namespace."""
    brought = _labelled(connection, name, "customresourcedefinitions")
    kinds = [each["metadata"]["name"] for each in brought]
    if not kinds:
        return
    # Those that own others go first, with what they own.
    _kubectl(connection, "delete", ",".join(kinds), "--all", "--all-namespaces", "--wait=false",
             "--ignore-not-found")  # fmt: skip
    left = partial(_get, connection, ",".join(kinds))
    try:
        _wait_until_gone(f"the custom resources of {name}", left, timeout=30)
    except WaitTimeout:
        # Their controller is gone or broken; nobody else will ever lift their finalizers.
        patch = '{"metadata":{"finalizers":null}}'
        _kubectl(connection, "patch", "-f", "-", "--type=merge", "--patch", patch,
                 stdin=_yaml(left()))  # fmt: skip
        _wait_until_gone(f"the custom resources of {name}", left, timeout=30)


def _remove_hooks(connection: Connection, name: str) -> None:
    """Before what they call is gone: an API server that cannot reach them refuses changes."""
    _kubectl(connection, "delete", _HOOKS, "--selector", f"{LABEL}={name}", "--ignore-not-found")


def _end_workloads(connection: Connection, name: str) -> None:
    """End the pods of the component's namespaces within a second.

    Left to their owners' removal they would drain for minutes, for callers that are no more; a
    grace period that has begun is not cut short. So the owners go first, and alone.
    """
    owners = "deployments,statefulsets,daemonsets,replicasets,jobs"
    for found in _labelled(connection, name, "namespaces"):
        namespace = ("--namespace", found["metadata"]["name"])
        _kubectl(connection, "delete", owners, "--all", *namespace, "--cascade=orphan")
        _kubectl(connection, "delete", "pods", "--all", *namespace, "--grace-period=1")


def _remove_objects(connection: Connection, name: str) -> None:
    kinds = ",".join(_removable(connection))
    _kubectl(connection, "delete", kinds, "--all-namespaces", "--selector", f"{LABEL}={name}",
             "--wait=false", "--ignore-not-found")  # fmt: skip
    _wait_until_gone(f"the objects of {name}", partial(_labelled, connection, name, kinds))


def _removable(connection: Connection) -> list[str]:
    """Every kind that can be listed and deleted, but for those that go last."""
    listed = _kubectl(connection, "api-resources", "--verbs=list,delete", "--output=name")
    last = {"namespaces", "customresourcedefinitions.apiextensions.k8s.io"}
    return [kind for kind in listed.split() if kind not in last]


def _remove_kind(kind: str, connection: Connection, name: str) -> None:
    _kubectl(connection, "delete", kind, "--selector", f"{LABEL}={name}", "--wait=false",
             "--ignore-not-found")  # fmt: skip
    _wait_until_gone(f"the {kind} of {name}", partial(_labelled, connection, name, kind))


_REMOVALS: dict[str, Callable[[Connection, str], None]] = {
    "custom resources": _remove_custom_resources,
    "webhooks": _remove_hooks,
    "workloads": _end_workloads,
    "objects": _remove_objects,
    # A namespace that goes looks for objects of every kind, and waits for one that goes itself.
    "namespaces": partial(_remove_kind, "namespaces"),
    "definitions": partial(_remove_kind, "customresourcedefinitions"),
}


def _wait_until_gone(
    what: str, left: Callable[[], Iterable[Object]], *, timeout: float = 90
) -> None:
    def probe() -> None:
        still = [" ".join(filter(None, _identity(each))) for each in left()]
        if still:
            raise _wait.NotYet(f"still there: {', '.join(still[:8])}")

    _wait.until(f"{what} to go", probe, timeout=timeout, interval=0.3)


def _labelled(connection: Connection, name: str, kinds: str) -> list[Object]:
    return _get(connection, kinds, "--selector", f"{LABEL}={name}")


def _get(connection: Connection, kinds: str, *selected: str) -> list[Object]:
    return _items(
        _kubectl(connection, "get", kinds, "--all-namespaces", *selected, "--ignore-not-found",
                 "-o", "json")
    )  # fmt: skip


def _items(listed: str) -> list[Object]:
    """The objects of kubectl's JSON: nothing, one object, or a list."""
    if not listed.strip():
        return []
    found: dict[str, Any] = json.loads(listed)
    items: list[Object] = found["items"] if found["kind"].endswith("List") else [found]
    return items


def _yaml(wanted: Sequence[Object]) -> str:
    return yaml.dump_all(wanted, Dumper=yaml.CSafeDumper)


def _kubectl(connection: Connection, *arguments: Any, stdin: str | None = None) -> str:
    return kubectl(connection.kubectl, connection.kubeconfig, *arguments, stdin=stdin)
