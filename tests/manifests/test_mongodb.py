"""MongoDB and what stands in for it have the same names: who uses one can use the other."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from pymongo.uri_parser import parse_uri

from lab_helpers import Lab
from lab_helpers.components._secrets import COMPOSED, RANDOM

from .conftest import of_component

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def stand_in(lab: Lab) -> Objects:
    return of_component("mongodb-embedded", lab.connection)


@pytest.fixture(scope="module")
def percona(lab: Lab) -> Objects:
    return of_component("percona-mongodb", lab.connection)


def one(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def secrets(objects: Objects) -> dict[str, tuple[str, dict[str, str], list[str]]]:
    """Namespace, given values and random keys of each Secret."""
    return {
        each["metadata"]["name"]: (
            each["metadata"]["namespace"],
            each["data"],
            [key.strip() for key in each["metadata"]["annotations"][RANDOM].split(",")],
        )
        for each in objects
        if each["kind"] == "Secret"
    }


def uri(objects: Objects) -> str:
    """The connection string, with a password."""
    (said,) = (
        each for each in objects if f"{COMPOSED}uri" in each["metadata"].get("annotations", {})
    )
    given = {key: b64decode(value).decode() for key, value in said["data"].items()}
    text: str = said["metadata"]["annotations"][f"{COMPOSED}uri"]
    return text.format_map({**given, "password": "secret"})


def test_secrets_have_the_same_names_and_keys(stand_in: Objects, percona: Objects) -> None:
    assert secrets(stand_in) == secrets(percona)
    assert set(secrets(stand_in)) == {"course-secrets", "course-app"}


def test_the_cluster_uses_these_secrets(percona: Objects) -> None:
    spec = one(percona, "PerconaServerMongoDB")["spec"]
    assert spec["secrets"]["users"] == "course-secrets"
    (user,) = spec["users"]
    _, given, random = secrets(percona)["course-app"]
    assert user["passwordSecretRef"]["name"] == "course-app"
    assert user["passwordSecretRef"]["key"] in random
    assert user["name"] == b64decode(given["username"]).decode()
    (role,) = user["roles"]
    assert role == {"name": "readWrite", "db": b64decode(given["database"]).decode()}


def test_service_and_pods_are_called_as_the_operator_would(
    stand_in: Objects, percona: Objects
) -> None:
    """It calls both CLUSTER-REPLICASET, and labels them with these."""
    cluster = one(percona, "PerconaServerMongoDB")
    (replica_set,) = cluster["spec"]["replsets"]
    name = f"{cluster['metadata']['name']}-{replica_set['name']}"
    service, server = one(stand_in, "Service"), one(stand_in, "StatefulSet")
    assert service["metadata"]["name"] == server["metadata"]["name"] == name
    assert service["metadata"]["namespace"] == cluster["metadata"]["namespace"]
    assert service["spec"]["clusterIP"] == "None"
    assert [(each["name"], each["port"]) for each in service["spec"]["ports"]] == [
        ("mongodb", 27017)
    ]
    labels = server["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/instance"] == cluster["metadata"]["name"]
    assert labels["app.kubernetes.io/replset"] == replica_set["name"]
    assert labels["app.kubernetes.io/component"] == "mongod"


def test_there_are_three_members(percona: Objects) -> None:
    (replica_set,) = one(percona, "PerconaServerMongoDB")["spec"]["replsets"]
    assert replica_set["size"] == 3


def test_connection_strings_lead_to_the_service_as_the_application(
    stand_in: Objects, percona: Objects
) -> None:
    host = "course-rs0.mongodb.svc.cluster.local"
    assert uri(percona).startswith(f"mongodb+srv://app:secret@{host}/app?")
    assert "replicaSet=rs0" in uri(percona)
    # Without asking a name server, which knows nothing of that host here.
    known = parse_uri(uri(percona).replace("+srv", ""), validate=True)
    one_server = parse_uri(uri(stand_in), validate=True)
    assert one_server["nodelist"] == [(host, 27017)]
    assert one_server["options"]["directConnection"]
    for parsed in (known, one_server):
        assert (parsed["username"], parsed["password"]) == ("app", "secret")
        assert parsed["database"] == "app"
        assert parsed["options"]["authSource"] == "admin"
