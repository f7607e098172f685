"""Chapter 06: a database that the manifest asks for, and a function that may do little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._exceptions import CommandError, Hint, LabError, UnderWay
from ..checks import Exercise
from ..replication import PostgresCluster

if TYPE_CHECKING:
    from .._lab import Lab

NAMESPACE = "rows"
CLUSTER = "acid-minimal-cluster"
FUNCTION = "crud-postgres"
SECRET = "postgres-connection"  # noqa: S105 - its name
REPORTS = "reports"
APPLICATION = "foo_user"
GRANTS = (
    f"GRANT SELECT ON device, migration TO {APPLICATION};"
    f"GRANT SELECT, INSERT ON device_status TO {APPLICATION}"
)
"""All that the function needs: its tables are there already."""


def cluster(lab: Lab) -> PostgresCluster:
    """The chapter's cluster, as this learner has it."""
    return PostgresCluster(lab, CLUSTER, lab.name(NAMESPACE))


def sql(lab: Lab, query: str, *, database: str = "postgres") -> str:
    """What a query gives that the superuser asks on the leader itself.

    :raises Hint: PostgreSQL refuses it, or there is no leader.
    """
    try:
        return cluster(lab).psql(query, database=database)
    except LabError as refused:
        raise Hint(f"the database cannot be asked: {refused}") from refused


def _spec(lab: Lab) -> dict[str, Any]:
    try:
        found = lab.get("postgresql", CLUSTER, namespace=lab.name(NAMESPACE))
    except CommandError as missing:
        raise Hint(f"there is no cluster {CLUSTER}; run the cells above first") from missing
    spec: dict[str, Any] = found["spec"]
    return spec


def _judge_database(lab: Lab) -> str:
    spec = _spec(lab)
    if REPORTS not in spec.get("users", {}):
        raise Hint(f"the manifest has the users {', '.join(spec['users'])}, and no {REPORTS}")
    owner = spec.get("databases", {}).get(REPORTS)
    if owner is None:
        raise Hint(f"the user is in the manifest; under databases there is no {REPORTS} yet")
    if owner != REPORTS:
        raise Hint(f"the database {REPORTS} is to belong to {owner}, not to {REPORTS}")
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'reports'"
    known = sql(lab, query)
    if known != REPORTS:
        raise UnderWay("the manifest asks for it, and the operator is at it")
    return f"{known} owns it; the Secret says {cluster(lab).login(REPORTS)['username']}"


def _judge_least(lab: Lab) -> str:
    said = _given(lab)
    if f"user={APPLICATION}" not in said:
        raise Hint(f"the secret {SECRET} still has another user than {APPLICATION}")
    may = sql(lab, _MAY, database="foo")
    if may != "t|t|f|f":
        raise Hint(
            f"{APPLICATION} should read device, add to device_status, and neither change nor "
            f"remove a row; PostgreSQL says to these four {may.replace('|', ', ')} (t is yes)"
        )
    answer = lab.openfaas().invoke(FUNCTION, headers=_NOBODY, quiet=True)
    # It asked the database, and found that this is no device.
    if answer.status_code != 401:
        raise Hint(f"the function answers {answer.status_code}: {answer.text}; its log says why")
    users = sql(lab, _USERS)
    if users != APPLICATION:
        raise Hint(f"the function is connected as {users or 'nobody'}; its pods read the secret "
                   f"when they start")  # fmt: skip
    return f"{FUNCTION} is connected as {users}, who may add rows and no more"


_NOBODY = {"x-device-id": "1", "x-device-key": "?"}
_MAY = (
    "SELECT has_table_privilege('foo_user', 'device', 'SELECT'), "
    "has_table_privilege('foo_user', 'device_status', 'INSERT'), "
    "has_table_privilege('foo_user', 'device_status', 'UPDATE'), "
    "has_table_privilege('foo_user', 'device_status', 'DELETE')"
)
_USERS = (
    "SELECT string_agg(DISTINCT usename, ', ') FROM pg_stat_activity "
    "WHERE application_name = 'crud-postgres'"
)


def _given(lab: Lab) -> str:
    """What the function's secret says."""
    try:
        held = lab.secret(SECRET, namespace=lab.openfaas().namespace)
    except CommandError as missing:
        raise Hint(f"there is no secret {SECRET}; run the cells above first") from missing
    return held.get(SECRET, "")


def _solve_database(lab: Lab) -> None:
    wanted = '{"spec":{"users":{"reports":[]},"databases":{"reports":"reports"}}}'
    lab.kubectl("patch", "postgresql", CLUSTER, "--namespace", lab.name(NAMESPACE),
                "--type=merge", "--patch", wanted)  # fmt: skip
    query = "SELECT count(*) FROM pg_database WHERE datname = 'reports'"
    lab.wait_until("the database", lambda: sql(lab, query) == "1", timeout=60)


def _solve_least(lab: Lab) -> None:
    sql(lab, GRANTS, database="foo")
    connect_as(lab, APPLICATION)


def connect_as(lab: Lab, user: str) -> None:
    """Have the function ask the database as another user."""
    _tell(lab, user)
    where = ("--namespace", lab.openfaas().namespace)
    lab.kubectl("rollout", "restart", f"deployment/{FUNCTION}", *where)
    lab.kubectl("rollout", "status", f"deployment/{FUNCTION}", *where, "--timeout=60s")
    # The old pod drains for some seconds, and stays connected.
    only = ("", user)
    lab.wait_until("the old pod to end", lambda: sql(lab, _USERS) in only, timeout=60)


def provide(lab: Lab) -> None:
    """Have the function as the chapter deploys it, with its tables."""
    _tell(lab, "zalando")
    lab.openfaas().up(FUNCTION)
    connect_as(lab, "zalando")
    lab.openfaas().invoke(FUNCTION, headers=_NOBODY, quiet=True)


def _tell(lab: Lab, user: str) -> None:
    from psycopg.conninfo import make_conninfo

    host, password = f"{CLUSTER}.{lab.name(NAMESPACE)}", cluster(lab).login(user)["password"]
    said = make_conninfo(host=host, dbname="foo", user=user, password=password)
    lab.openfaas().secret(SECRET, said)


EXERCISES = (
    Exercise(
        "06/database",
        "reports has a database of its own",
        _judge_database,
        _solve_database,
        NAMESPACE,
    ),
    Exercise(
        "06/least",
        "the function may add rows, and no more",
        _judge_least,
        _solve_least,
        NAMESPACE,
    ),
)
