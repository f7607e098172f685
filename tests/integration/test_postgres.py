"""PostgreSQL as the operator runs it, with its leader killed and a disk taken away"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from lab_helpers import Lab
from lab_helpers.failover import Writers
from lab_helpers.openfaas.workflow import OpenFaaS
from lab_helpers.replication import PostgresCluster

from .support import command
from .test_learners import close

CHAPTER = "06-store-rows-with-postgresql"
COMPONENT, FUNCTION = "postgres-operator", "crud-postgres"
NAME = "acid-minimal-cluster"
MADE = "statefulsets,pods,persistentvolumeclaims,secrets,services,endpoints,poddisruptionbudgets"


@dataclass
class Made:
    """A cluster of a learner that nobody else is.

    :ivar seconds: from `enable` until the operator said that it runs.
    """

    lab: Lab
    cluster: PostgresCluster
    seconds: float


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Made]:
    command("build", COMPONENT, timeout=600)
    learner = Lab(lab.connection, chapter="79", learner=f"eva{secrets.token_hex(3)}")
    began = time.monotonic()
    command("enable", COMPONENT, timeout=200)
    lab.kubectl("apply", "--kustomize", learner.manifests(CHAPTER))
    cluster = PostgresCluster(lab, NAME, learner.name("rows"))
    cluster.wait_until_running()
    yield Made(learner, cluster, time.monotonic() - began)
    cluster.close()
    lab.delete("namespace", cluster.namespace)
    close(learner)


@pytest.fixture(scope="module")
def faas(lab: Lab, made: Made) -> Iterator[OpenFaaS]:
    """The function, connected to the cluster."""
    command("enable", "openfaas", timeout=300)
    functions, login = made.lab.openfaas(), made.cluster.login("zalando")
    where = {"host": f"{NAME}.{made.cluster.namespace}", "dbname": "foo", "user": "zalando"}
    functions.secret("postgres-connection", make_conninfo(**where, password=login["password"]))
    functions.up(FUNCTION)
    yield functions
    # It drains, which nobody need wait for.
    lab.kubectl("delete", "namespace", functions.namespace, "--wait=false")


@pytest.fixture(scope="module")
def device(made: Made, faas: OpenFaaS) -> dict[str, str]:
    """The headers of a registered device."""
    asked = faas.invoke(FUNCTION, headers={"x-device-id": "1", "x-device-key": "?"})
    assert asked.status_code == 401, asked.text
    query = "SELECT id || ' ' || key FROM register_device('drill')"
    number, key = made.cluster.psql(query, database="foo").split()
    return {"x-device-id": number, "x-device-key": key}


def rows(made: Made) -> set[int]:
    """The numbers that are in the table, as the leader says now."""
    said = made.cluster.psql("SELECT DISTINCT uptime FROM device_status", database="foo")
    return {int(line) for line in said.splitlines()}


def test_two_instances_are_there_within_ninety_seconds(made: Made) -> None:
    assert made.seconds < 90
    assert sorted(made.cluster.roles().values()) == ["master", "replica"]


def test_the_manifests_users_and_databases_are_there(made: Made) -> None:
    cluster = made.cluster
    owners = cluster.psql("SELECT datname, pg_get_userbyid(datdba) FROM pg_database")
    assert {"foo|zalando", "bar|bar_owner"} <= set(owners.splitlines())
    query = (
        "SELECT rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname ~ 'zalando$|foo_user'"
    )
    assert set(cluster.psql(query).splitlines()) == {"zalando|t|t", "foo_user|f|f"}
    prepared = cluster.psql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'bar%'").splitlines()
    assert {"bar_owner", "bar_writer", "bar_reader", "bar_data_owner"} <= set(prepared)
    assert cluster.psql("SELECT nspname FROM pg_namespace WHERE nspname = 'data'", database="bar")


def test_only_who_has_a_password_and_speaks_tls_comes_in(made: Made) -> None:
    kept = made.cluster.psql("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin")
    assert set(kept.splitlines()) == {"SCRAM-SHA-256"}
    with made.cluster.connect() as connection:
        assert connection.pgconn.ssl_in_use
    password = made.cluster.login("foo_user")["password"]
    for given, mode, said in (
        (password, "disable", "no encryption"),
        ("a guess", "require", "password authentication failed"),
    ):
        # A way in ends with the first connection that is broken off.
        way = made.lab.port_forward(f"pod/{made.cluster.leader}", 5432, namespace=_of(made))
        with way, pytest.raises(psycopg.OperationalError, match=said):
            psycopg.connect(host=way.host, port=way.port, user="foo_user", dbname="foo",
                            password=given, sslmode=mode)  # fmt: skip


def _of(made: Made) -> str:
    return made.cluster.namespace


def test_pods_run_as_an_ordinary_user_without_a_way_to_more(made: Made, lab: Lab) -> None:
    selected = lab.get("pods", namespace=made.cluster.namespace, selector=f"cluster-name={NAME}")
    for pod in selected["items"]:
        assert pod["spec"]["securityContext"]["runAsUser"] == 101
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert not container["securityContext"]["privileged"]


@pytest.mark.timeout(240)
def test_no_acknowledged_row_is_lost_with_the_leader(
    made: Made, lab: Lab, faas: OpenFaaS, device: dict[str, str]
) -> None:
    cluster = made.cluster
    lab.wait_until("the replica to follow", cluster.is_followed, timeout=60)
    killed = cluster.leader
    with Writers(lab.http, faas.url(FUNCTION), device) as writers:
        lab.wait_until("writes", lambda: writers.acknowledged_since(0) > 200)
        at = writers.seconds
        lab.kubectl("delete", "pod", killed, "-n", cluster.namespace, "--grace-period=0", "--force")
        lab.wait_until("another leader", lambda: cluster.has_leader(but=killed), timeout=60)
        lab.wait_until("writes", lambda: writers.acknowledged_since(writers.seconds - 1) > 20)
        resumed = writers.seconds
    assert resumed - at < 30, writers.plot("too slow").text()
    assert writers.longest_pause < 30
    assert set(writers.statuses) <= {200, 503}, writers.statuses
    lost = writers.acknowledged - rows(made)
    assert not lost, f"{len(lost)} of {len(writers.acknowledged)} rows"
    lab.wait_until("the old leader to follow", cluster.is_followed, timeout=90)
    assert cluster.roles()[killed] == "replica"


@pytest.mark.timeout(240)
def test_a_replica_without_its_volume_is_made_again(
    made: Made, lab: Lab, faas: OpenFaaS, device: dict[str, str]
) -> None:
    cluster = made.cluster
    lab.wait_until("the replica to follow", cluster.is_followed, timeout=60)
    replica = cluster.replica
    inside = ("-n", cluster.namespace)
    volume = lab.kubectl("get", "pvc", f"pgdata-{replica}", *inside, "-o", _VOLUME)
    before = rows(made)
    lab.kubectl("delete", "pvc", f"pgdata-{replica}", *inside, "--wait=false")
    lab.kubectl("delete", "pod", replica, *inside)
    lab.wait_until("the replica to follow again", cluster.is_followed, timeout=120)
    assert lab.kubectl("get", "pvc", f"pgdata-{replica}", *inside, "-o", _VOLUME) != volume
    assert faas.invoke(FUNCTION, {"uptime": 9_999_999, "temperature": 1}, headers=device).is_success
    lab.wait_until("the row on the replica", lambda: _has_row(cluster, replica))
    query = "SELECT count(DISTINCT uptime) FROM device_status"
    copied = cluster.psql(query, database="foo", pod=replica)
    assert int(copied) == len(before) + 1


_VOLUME = "jsonpath={.spec.volumeName}"


def _has_row(cluster: PostgresCluster, pod: str) -> bool:
    query = "SELECT count(*) FROM device_status WHERE uptime = 9999999"
    return cluster.psql(query, database="foo", pod=pod) == "1"


def test_disable_leaves_nothing_of_the_clusters(made: Made, lab: Lab) -> None:
    claimed = lab.get("pvc", namespace=made.cluster.namespace)["items"]
    volumes = {each["spec"]["volumeName"] for each in claimed}
    assert len(volumes) == 2
    command("disable", COMPONENT, timeout=300)
    kinds = lab.kubectl("api-resources", "--output=name").split()
    assert not [kind for kind in kinds if kind.endswith("acid.zalan.do")]
    assert lab.get(MADE, namespace=made.cluster.namespace)["items"] == []

    def gone() -> bool:
        left = {each["metadata"]["name"] for each in lab.get("pv")["items"]}
        return not left & volumes

    lab.wait_until("the volumes to go", gone, timeout=60)
