"""Disable: it can be repeated, and goes on from wherever the last one was cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from .. import _progress, _wait
from .._exceptions import CommandError, UsageError, WaitTimeout
from ..cluster import Connection, Provider
from . import _choice, _parts, _record
from ._declaration import declaration, names
from ._objects import as_yaml, get, identity, labelled, run_kubectl
from ._record import Entry
from ._rendering import LABEL, Object

_HOOKS = "validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices"


def disable(provider: Provider, name: str) -> None:
    """Take a component off the cluster, with all that it brought and all that was made of it.

    Custom resources go before their controllers, definitions and namespaces last.

    :param name: a component, or a system that several provide.
    :raises UsageError: there is no such component, or an enabled one needs it.
    :raises WaitTimeout: something did not go; says what is left.
    """
    name = _choice.chosen(provider, name)
    component = declaration(name)
    connection = provider.connection()
    known = _record.enabled(connection)
    if needing := [each for each in known if name in _needs(each)]:
        raise UsageError(
            f"{name} is needed by {', '.join(needing)}", remedy=f"./lab disable {needing[0]}"
        )
    put = known[name].images if name in known else ()
    with _record.changing(name), _progress.step(f"disable {name}") as step:
        entry = Entry("disabling", _parts.version(component), images=put)
        _record.write(connection, name, entry)
        take_off(connection, name, step.update)
        step.update("images")
        provider.remove_images(sorted({*put, *_parts.own_images(component)}))
        _record.write(connection, name, None)


def take_off(connection: Connection, name: str, on_state: Callable[[str], None]) -> None:
    """Remove all that a component brought, but for its images and its record.

    :param on_state: told what goes now.
    """
    for what, remove in _REMOVALS.items():
        on_state(what)
        remove(connection, name)


def _needs(name: str) -> tuple[str, ...]:
    return declaration(name).needs if name in names() else ()


def _remove_custom_resources(connection: Connection, name: str) -> None:
    """Every object of the kinds that the component brought, in every namespace."""
    brought = labelled(connection, name, "customresourcedefinitions")
    # A kind that is going already takes its objects with it.
    kinds = ",".join(o["metadata"]["name"] for o in brought if not _is_going(o))
    if not kinds:
        return
    before = _uids(get(connection, kinds))
    workloads = _workloads_of(connection, before)

    def left() -> list[Object]:
        found = _delete_unowned(connection, kinds)
        if found and not before & _uids(found):
            # All that was there is gone, and a controller goes on making some of it.
            _end_workloads(connection, name)
        return found

    try:
        _wait_until_gone(f"the custom resources of {name}", left, timeout=30)
    except WaitTimeout:
        # Their controller is gone or broken; nobody else will ever lift their finalizers.
        for each in get(connection, kinds):
            _lift_finalizers(connection, each)
        _wait_until_gone(f"the custom resources of {name}", left, timeout=30)
    _remove_garbage(connection, name, workloads)


_WORKLOADS = "deployments,statefulsets,daemonsets,replicasets,jobs"


def _workloads_of(
    connection: Connection, owners: set[str], kinds: str = _WORKLOADS
) -> list[Object]:
    """The workloads that some objects own, and those that these own in turn."""
    there = get(connection, kinds)
    found: list[Object] = []
    while more := [o for o in there if _owners(o) & owners and o["metadata"]["uid"] not in owners]:
        found += more
        owners = owners | _uids(more)
    return found


def _remove_garbage(connection: Connection, name: str, workloads: list[Object]) -> None:
    """Remove workloads, or pods, whose owners are gone.

    Kubernetes would collect them, but begins to watch a new kind of owner only every 30 seconds.
    """
    gone = _uids(workloads)

    def left() -> list[Object]:
        there = get(connection, f"{_WORKLOADS},pods")
        return [each for each in there if each["metadata"]["uid"] in gone]

    if found := left():
        run_kubectl(connection, "delete", "-f", "-", "--wait=false", "--ignore-not-found",
                    stdin=as_yaml(found))  # fmt: skip
        _wait_until_gone(f"the workloads of {name}", left)


def _remove_made(connection: Connection, name: str) -> None:
    """What controllers made of custom resources: they take it away, and are ended afterwards.

    What others brought the definitions of is none of ours.
    """
    selector = declaration(name).makes if name in names() else ""
    if not selector or not labelled(connection, name, "customresourcedefinitions"):
        return
    what = f"what was made by {name}"
    try:
        # What is not among these, some pods make once more while they end.
        _wait_until_gone(what, partial(get, connection, _HELD, selector), timeout=60)
    except WaitTimeout as late:
        _progress.say(f"removing {what}, which its controller has left: {late.last}")
    kinds = f"{_HELD},{_LEFT}"
    run_kubectl(connection, "delete", kinds, "--all-namespaces", "--selector", selector,
                "--wait=false", "--ignore-not-found")  # fmt: skip
    _wait_until_gone(what, partial(get, connection, kinds, selector))


_HELD = "statefulsets,pods,persistentvolumeclaims,secrets"
_LEFT = "services,endpoints,configmaps,poddisruptionbudgets"


def _delete_unowned(connection: Connection, kinds: str) -> list[Object]:
    """What there is of some kinds; what no other of it owns is told to go.

    Were all to go at once, an owner's controller would make again what it is missing.
    """
    found = get(connection, kinds)
    there = _uids(found)
    unowned = [o for o in found if not _is_going(o) and not _owners(o) & there]
    if unowned:
        run_kubectl(connection, "delete", "-f", "-", "--wait=false", "--ignore-not-found",
                    stdin=as_yaml(unowned))  # fmt: skip
    return found


def _is_going(each: Object) -> bool:
    return "deletionTimestamp" in each["metadata"]


def _uids(found: Iterable[Object]) -> set[str]:
    return {each["metadata"]["uid"] for each in found}


def _owners(each: Object) -> set[str]:
    return {owner["uid"] for owner in each["metadata"].get("ownerReferences", ())}


def _lift_finalizers(connection: Connection, each: Object) -> None:
    patch = '{"metadata":{"finalizers":null}}'
    try:
        run_kubectl(connection, "patch", "-f", "-", "--type=merge", "--patch", patch,
                    stdin=as_yaml([each]))  # fmt: skip
    except CommandError as refused:
        if "NotFound" not in refused.output:
            raise


def _remove_hooks(connection: Connection, name: str) -> None:
    """An API server that cannot reach them, or what they call, refuses every change."""
    run_kubectl(connection, "delete", _HOOKS, "--selector", f"{LABEL}={name}", "--ignore-not-found")


def _end_workloads(connection: Connection, name: str) -> None:
    """End the pods of the component's namespaces within a second.

    Left to their owners' removal they would drain for minutes, for callers that are no more; a
    grace period that has begun is not cut short. So the owners go first, and alone.
    """
    for found in labelled(connection, name, "namespaces"):
        namespace = ("--namespace", found["metadata"]["name"])
        run_kubectl(connection, "delete", _WORKLOADS, "--all", *namespace, "--cascade=orphan")
        run_kubectl(connection, "delete", "pods", "--all", *namespace, "--grace-period=1")


def _remove_objects(connection: Connection, name: str) -> None:
    kinds = ",".join(_removable(connection))
    # In a namespace that others have things in, pods end in their own time, and are waited for.
    owners = _uids(labelled(connection, name, _WORKLOADS))
    workloads = _workloads_of(connection, owners, f"{_WORKLOADS},pods")
    run_kubectl(connection, "delete", kinds, "--all-namespaces", "--selector", f"{LABEL}={name}",
             "--wait=false", "--ignore-not-found")  # fmt: skip
    _wait_until_gone(f"the objects of {name}", partial(labelled, connection, name, kinds))
    _remove_garbage(connection, name, workloads)


def _removable(connection: Connection) -> list[str]:
    """Every kind that can be listed and deleted, but for those that go last."""
    listed = run_kubectl(connection, "api-resources", "--verbs=list,delete", "--output=name")
    last = {"namespaces", "customresourcedefinitions.apiextensions.k8s.io"}
    return [kind for kind in listed.split() if kind not in last]


def _remove_kind(kind: str, connection: Connection, name: str) -> None:
    run_kubectl(connection, "delete", kind, "--selector", f"{LABEL}={name}", "--wait=false",
             "--ignore-not-found")  # fmt: skip
    _wait_until_gone(f"the {kind} of {name}", partial(labelled, connection, name, kind))


_REMOVALS: dict[str, Callable[[Connection, str], None]] = {
    "webhooks": _remove_hooks,
    "custom resources": _remove_custom_resources,
    "what was made of them": _remove_made,
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
        still = [" ".join(filter(None, identity(each))) for each in left()]
        if still:
            raise _wait.NotYet(f"still there: {', '.join(still[:8])}")

    _wait.until(f"{what} to go", probe, timeout=timeout, interval=0.3)
