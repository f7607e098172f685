"""Reading objects from the API server without starting a program for each look.

Waiting means looking again and again, on the processors that what is awaited needs, too. A kubectl
takes 180 ms of their time before it ends, a request on a connection that is there 3 ms. What
changes the cluster goes through kubectl, as learners see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ._exceptions import CommandError
from ._kubectl import no_proxy
from .cluster import Connection

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = dict[str, Any]

_DISCOVERY = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)
"""All kinds in one answer; see "API discovery" in the documentation of Kubernetes."""
_SECONDS = (10, 60)
"""To connect, and to wait for the answer."""
_FORBIDDEN_IN_A_NAME = ("/", "%", "?", "#")


@dataclass(frozen=True)
class Resource:
    """Where the API server has the objects of a kind.

    :ivar root: the path of its group and version, such as ``/apis/apps/v1``.
    :ivar plural: its name in paths.
    """

    root: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str) -> str:
        """Of one object, or of all of a namespace, or of all there are."""
        if name and self.namespaced:
            namespace = namespace or "default"
        inside = ("namespaces", namespace) if namespace and self.namespaced else ()
        return "/".join(filter(None, (self.root, *inside, self.plural, name)))


class Reader:
    """Reads the objects of one cluster, whose kinds it learns when they are first asked for."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api
        self._known: dict[str, Resource] = {}

    def get(self, kinds: str, name: str = "", *, namespace: str = "", selector: str = "") -> Object:
        """What ``kubectl get -o json`` prints: one object, or a list of them.

        :param kinds: by any of their names, several with commas between them.
        :param namespace: of one object ``default`` where it is left out, of a list every one.
        :param selector: labels.
        :raises CommandError: as kubectl would have failed, and with what it would have said.
        """
        try:
            if "," not in kinds:
                return self._get(kinds, name, namespace, selector)
            listed = [self._get(kind, "", namespace, selector) for kind in kinds.split(",")]
        except _Refused as refused:
            raise _failed(refused, kinds, name, namespace) from refused
        items = [each for one in listed for each in one["items"]]
        return {"apiVersion": "v1", "kind": "List", "items": items}

    def find(self, kind: str, name: str, *, namespace: str = "") -> Object | None:
        """One object; None where there is none of that name, or of that kind.

        :raises CommandError: there is no answer.
        """
        try:
            return self._get(kind, name, namespace, "")
        except _Missing:
            return None
        except _Refused as refused:
            raise _failed(refused, kind, name, namespace) from refused

    def _get(self, kind: str, name: str, namespace: str, selector: str) -> Object:
        if any(mark in f"{name}{namespace}" for mark in _FORBIDDEN_IN_A_NAME):
            raise _Refused(f"no object has the name {namespace}/{name}")
        path = self._resource(kind).path(namespace, name)
        found = self._ask(path, query={"labelSelector": selector} if selector else {})
        if name:
            return _without_noise(found)
        # A list says once what all of it is.
        what = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
        return {**found, "items": [{**what, **_without_noise(each)} for each in found["items"]]}

    def _resource(self, kind: str) -> Resource:
        if kind.lower() not in self._known:
            # The cluster may have learnt it since.
            self._known = self._discovered()
        try:
            return self._known[kind.lower()]
        except KeyError:
            raise _Missing(f"the server doesn't have a resource type {kind!r}") from None

    def _discovered(self) -> dict[str, Resource]:
        known: dict[str, Resource] = {}
        for root in ("/api", "/apis"):
            for group in self._ask(root, accept=_DISCOVERY)["items"]:
                for name, resource in _resources(root, group):
                    # The server names what it prefers first.
                    known.setdefault(name.lower(), resource)
        return known

    def _ask(
        self, path: str, *, query: dict[str, str] | None = None, accept: str = "application/json"
    ) -> Object:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        request = self.api.param_serialize(
            "GET", path, query_params=[*(query or {}).items()], header_params={"Accept": accept},
            auth_settings=["BearerToken"],
        )  # fmt: skip
        try:
            answer = self.api.call_api(*request, _request_timeout=_SECONDS)
            body = answer.read()
        except (ApiException, HTTPError) as broken:
            where = self.api.configuration.host
            raise _Refused(f"no answer from the server {where}: {broken}") from broken
        if answer.status == HTTPStatus.NOT_FOUND:
            if not _names_an_object(body):
                # It is the kind that is not there any more.
                self._known = {}
            raise _Missing(_said(answer.status, body))
        if answer.status != HTTPStatus.OK:
            raise _Refused(_said(answer.status, body))
        found: Object = json.loads(body)
        return found


class _Refused(Exception):
    """Why there is no answer."""


class _Missing(_Refused):
    """There is no such object, or no such kind."""


def _failed(refused: _Refused, kinds: str, name: str, namespace: str) -> CommandError:
    words = filter(None, ["kubectl", "get", kinds, name, namespace and f"-n={namespace}"])
    return CommandError([*words], 1, str(refused))


def _said(status: int, body: bytes) -> str:
    """What the server said, in kubectl's form."""
    try:
        said = json.loads(body)
        return f"Error from server ({said['reason']}): {said['message']}"
    except (ValueError, KeyError, TypeError):
        return f"Error from server ({status}): {body.decode(errors='replace')}"


def _names_an_object(body: bytes) -> bool:
    """Whether it is an object that was not found: that is often awaited, and its kind is known."""
    try:
        return bool(json.loads(body)["details"]["name"])
    except (ValueError, KeyError, TypeError):
        return False


def _without_noise(found: Object) -> Object:
    """Without who wrote which field, as kubectl shows it; that may be most of an object."""
    found["metadata"].pop("managedFields", None)
    return found


def _resources(root: str, group: Object) -> Iterator[tuple[str, Resource]]:
    """The names of a group's kinds, as kubectl takes them: ``deploy``, ``deployments.apps``."""
    name = group["metadata"].get("name", "")
    for version in group.get("versions", ()):
        path = "/".join(filter(None, (root, name, version["version"])))
        # Of a version that another server is to serve, and that does not answer yet, there is none.
        for each in version.get("resources", ()):
            resource = Resource(path, each["resource"], each["scope"] == "Namespaced")
            kind = each.get("responseKind", {}).get("kind", "")
            one = (each["resource"], each.get("singularResource"), kind)
            for said in filter(None, (*one, *each.get("shortNames", []))):
                yield said, resource
                if name:
                    yield f"{said}.{name}", resource
                    yield f"{said}.{version['version']}.{name}", resource


def reader(connection: Connection) -> Reader:
    """The reader of a cluster; one for all who ask, as each has its connections.

    :raises CommandError: the cluster was removed.
    """
    kubeconfig = connection.kubeconfig
    try:
        made = kubeconfig.stat().st_mtime_ns
    except FileNotFoundError as gone:
        raise CommandError(["kubectl", "get"], 1, str(gone), remedy="./lab up") from gone
    # A cluster that was made anew has another certificate.
    return _reader(str(kubeconfig), made)


@lru_cache(maxsize=8)
def _reader(kubeconfig: str, _: int) -> Reader:
    from kubernetes import config
    from kubernetes.client import Configuration

    way = Configuration(no_proxy=no_proxy())
    return Reader(config.new_client_from_config(kubeconfig, client_configuration=way))
