"""functions/crud-postgres, with a real PostgreSQL"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from psycopg.conninfo import make_conninfo

from lab_helpers import functions
from lab_helpers._wait import NotYet, until
from lab_helpers.builds import ensure
from lab_helpers.postgres import PostgresRoot

from .conftest import Server, Start, python
from .http import Answer, ask, request
from .postgres import PASSWORD, Postgres

FUNCTION = functions.find("crud-postgres")
DESCRIPTION = json.loads((FUNCTION.folder / "openapi.json").read_text())
MANY = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
GOOD = {"uptime": 3600, "temperature": 21}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    made = PostgresRoot()
    ensure([made.artifact])
    server = Postgres(made.root, tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def settings(database: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the function is told."""
    return told(tmp_path_factory.mktemp("secrets"), port=database.port)


def told(secrets: Path, **where: Any) -> dict[str, str]:
    known = {"host": "127.0.0.1", "dbname": "foo", "user": "zalando", "password": PASSWORD}
    connection = make_conninfo(**{**known, **where})
    (secrets / "postgres-connection").write_text(f"{connection}\n")
    return {"SECRETS": str(secrets), "DRAIN_SECONDS": "0"}


@pytest.fixture(scope="module")
def server(launch: Start, settings: dict[str, str]) -> Server:
    return launch(FUNCTION, **settings)


class Device:
    """A registered device, and what it asks."""

    def __init__(self, server: Server, database: Postgres, name: str) -> None:
        self._port = server.port
        assert call(server, "GET", number="1", key="x").code == 401  # the tables are there
        with closing(database.connect()) as connection:
            row = connection.execute("SELECT * FROM register_device(%s)", [name]).fetchone()
        assert row is not None
        self.number, self.key = row

    @property
    def headers(self) -> list[str]:
        return [f"x-device-id: {self.number}", f"x-device-key: {self.key}"]

    def post(self, body: Any) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return fits(ask(self._port, request("POST", "/", content, *self.headers)), "post")

    def get(self, query: str = "") -> Answer:
        return fits(ask(self._port, request("GET", f"/{query}", b"", *self.headers)), "get")

    @property
    def data(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("?limit=1000").json["data"]
        return found


def call(server: Server, method: str, *, number: str, key: str) -> Answer:
    headers = f"x-device-id: {number}", f"x-device-key: {key}"
    return ask(server.port, request(method, "/", b"", *headers))


def fits(answer: Answer, method: str) -> Answer:
    """The same answer, which is one of those that the description has."""
    said = DESCRIPTION["paths"]["/"][method]["responses"][str(answer.code)]
    if "$ref" in said:
        said = DESCRIPTION["components"]["responses"][said["$ref"].rpartition("/")[2]]
    schema = {**said["content"]["application/json"]["schema"], "components": COMPONENTS}
    Draft202012Validator(schema).validate(answer.json)
    return answer


COMPONENTS = DESCRIPTION["components"]
READING = Draft202012Validator({**COMPONENTS["schemas"]["Reading"], "components": COMPONENTS})


@pytest.fixture(scope="module")
def device(server: Server, database: Postgres) -> Device:
    return Device(server, database, "roof")


def rows(database: Postgres) -> int:
    count: int = database.value("SELECT count(*) FROM device_status")
    return count


def test_who_is_no_device_gets_no_action(server: Server) -> None:
    for method in ("GET", "POST"):
        answer = fits(ask(server.port, request(method, "/")), method.lower())
        assert (answer.code, answer.json) == (200, {"status": "No action"})


def test_a_device_reads_what_it_reported_and_nothing_else(
    server: Server, database: Postgres, device: Device
) -> None:
    other = Device(server, database, "cellar")
    assert device.post(GOOD).json == {"status": "OK"}
    assert device.post({"uptime": 3601, "temperature": -5, "more": []}).json == {"status": "OK"}
    answer = device.get()
    assert answer.json["status"] == "OK"
    newest, oldest = answer.json["data"][:2]
    assert (newest["uptime"], newest["temperature_c"]) == (3601, -5)
    assert (oldest["uptime"], oldest["temperature_c"]) == (3600, 21)
    assert other.data == []


def test_no_more_rows_than_asked_for(server: Server, database: Postgres) -> None:
    one = Device(server, database, "busy")
    for uptime in range(4):
        one.post({"uptime": uptime, "temperature": 0})
    assert [row["uptime"] for row in one.get("?limit=2").json["data"]] == [3, 2]
    for limit in ("0", "-1", "1001", "ten", "1e2", "99999999999999999999", ""):
        assert one.get(f"?limit={limit}").code == 400, limit


@pytest.mark.parametrize(
    ("number", "key"),
    [("{id}", "wrong"), ("{other}", "{key}"), ("999999", "{key}"), ("{id}", "{key}x"),
     ("-1", "{key}"), ("{id}.0", "{key}"), ("1e0", "{key}"), ("9" * 40, "{key}"),
     ("{id} OR 1=1", "{key}"), ("{id}; DROP TABLE device_status", "{key}"),
     ("{id}", "' OR '1'='1"), ("{id}", "$"), ("0{id}", "{key}"), ("٣", "{key}"), ("", "")],
)  # fmt: skip
def test_whoever_is_not_that_device_is_refused(
    server: Server, database: Postgres, device: Device, number: str, key: str
) -> None:
    known = {"id": device.number, "other": device.number + 1, "key": device.key}
    before = rows(database)
    for method in ("GET", "POST"):
        answer = call(server, method, number=number.format(**known), key=key.format(**known))
        assert (fits(answer, method.lower()).code, answer.error[:8]) == (401, "x-device")
    assert rows(database) == before


@pytest.mark.parametrize("header", ["x-device-id", "x-device-key"])
def test_one_header_alone_is_refused(server: Server, device: Device, header: str) -> None:
    (given,) = (each for each in device.headers if each.startswith(header))
    assert ask(server.port, request("GET", "/", b"", given)).code == 401


def test_what_is_not_there_and_what_cannot_be_done(server: Server, device: Device) -> None:
    for path in ("/devices", "//", "/%2e%2e/etc/passwd", "/1"):
        assert ask(server.port, request("GET", path, b"", *device.headers)).code == 404, path
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = ask(server.port, request(method, "/", b"", *device.headers))
        assert (answer.code, answer.headers["allow"]) == (405, "GET, POST")


def test_ten_megabytes_are_too_many(device: Device, database: Postgres) -> None:
    before = rows(database)
    assert device.post(json.dumps({**GOOD, "more": "x" * 10_000_000}).encode()).code == 413
    assert rows(database) == before


NUMBERS = st.one_of(
    st.integers(), st.integers(-300, 300), st.sampled_from([2**31 - 1, 2**31, 2**63 - 1, 2**63]),
    st.floats(), st.booleans(), st.none(), st.text(max_size=8), st.lists(st.integers(), max_size=2),
)  # fmt: skip


@MANY
@given(body=st.fixed_dictionaries({}, optional={"uptime": NUMBERS, "temperature": NUMBERS}))
@example(body={"uptime": 2**63 - 1, "temperature": 2**31 - 1})
@example(body={"uptime": 0, "temperature": -273})
@example(body={"uptime": 2**63, "temperature": 0})
@example(body={"uptime": True, "temperature": False})
@example(body={"uptime": "1); DROP TABLE device_status; --", "temperature": 1})
def test_what_the_description_allows_is_kept_and_nothing_else(
    device: Device, database: Postgres, body: dict[str, Any]
) -> None:
    # To a schema, 1.0 is an integer; a device that sends fractions means something else.
    fractions = any(isinstance(each, float) for each in body.values())
    valid = READING.is_valid(body) and not fractions
    before = rows(database)
    assert device.post(body).code == (200 if valid else 400)
    assert rows(database) == before + valid
    if valid:
        newest = device.get("?limit=1").json["data"][0]
        assert (newest["uptime"], newest["temperature_c"]) == (body["uptime"], body["temperature"])


@MANY
@given(body=st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.integers() | st.text(),
       lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
       .map(lambda value: json.dumps(value).encode())))  # fmt: skip
@example(body=b"")
@example(body=b"[" * 100_000)
@example(body=b'{"uptime": 1' + b"0" * 5_000 + b', "temperature": 1}')
@example(body=b'{"uptime": NaN, "temperature": Infinity}')
@example(body=b'{"uptime": 1e999, "temperature": 1}')
def test_a_body_that_is_no_reading_changes_nothing(
    device: Device, database: Postgres, body: bytes
) -> None:
    before = rows(database)
    assert device.post(body).code == 400
    assert rows(database) == before


VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@MANY
@given(number=VISIBLE, key=VISIBLE)
def test_nobody_comes_in_by_guessing(server: Server, number: str, key: str) -> None:
    assert call(server, "GET", number=number, key=key).code == 401


def test_keys_are_not_kept(server: Server, database: Postgres, device: Device) -> None:
    twin = Device(server, database, "roof")
    with closing(database.connect()) as connection:
        kept = connection.execute("SELECT device_key FROM device").fetchall()
    texts = [text for (text,) in kept]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if device.key in text or twin.key in text]
    assert len(device.key) == 64


def test_the_description_is_told(server: Server) -> None:
    answer = ask(server.port, request("GET", "/openapi.json"))
    assert (answer.code, answer.json) == (200, DESCRIPTION)
    answer = ask(server.port, request("POST", "/openapi.json"))
    assert (answer.code, answer.headers["allow"]) == (405, "GET")


def test_every_connection_is_encrypted(device: Device, database: Postgres) -> None:
    device.get()
    query = """SELECT count(*), bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
               WHERE application_name = 'crud-postgres'"""
    with closing(database.connect()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    assert row[0] >= 1
    assert row[1] is True


def test_tables_are_made_once_however_many_begin(
    launch: Start, database: Postgres, tmp_path: Path
) -> None:
    database.value("CREATE DATABASE fresh OWNER zalando")
    fresh = told(tmp_path, port=database.port, dbname="fresh")
    pods = [launch(FUNCTION, **fresh) for _ in range(3)]
    for _ in range(2):
        for pod in pods:
            assert call(pod, "GET", number="1", key="x").code == 401
    assert database.value("SELECT count(*) FROM migration", database="fresh") == 1


def test_it_answers_503_while_the_database_is_away_and_recovers_by_itself(
    server: Server, database: Postgres, device: Device
) -> None:
    device.post(GOOD)
    before = rows(database)
    database.kill()
    try:
        away = [device.post(GOOD), device.get()]
        assert [answer.code for answer in away] == [503, 503]
        assert {answer.error for answer in away} == {"the database cannot be reached; try again"}
        assert away[0].headers["retry-after"] == "2"
        # Whoever names no device does not ask the database.
        assert ask(server.port, request("GET", "/")).code == 200
    finally:
        database.start()

    def accepted() -> None:
        if device.post(GOOD).code != 200:
            raise NotYet("it still answers 503")

    until("the function to find the database again", accepted, timeout=15)
    assert server.process.poll() is None
    assert rows(database) == before + 1


def test_it_talks_to_no_server_without_tls(launch: Start, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    plain = Postgres(PostgresRoot().root, tmp_path / "server")
    try:
        plain.stop()
        plain.start(tls=False)
        # Not even where it is told to.
        function = launch(FUNCTION, **told(tmp_path, port=plain.port, sslmode="disable"))
        assert call(function, "GET", number="1", key="x").code == 503
        assert "does not support SSL" in function.log.read_text()
    finally:
        plain.stop()


def test_a_secret_that_says_nothing_ends_it_with_the_reason(
    run_program: Callable[..., Server], laid_out: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "postgres-connection").write_text("postgres, please")
    lost = run_program(python(FUNCTION, laid_out(FUNCTION)), SECRETS=str(tmp_path))
    assert lost.wait_for("ValueError: the secret postgres-connection is not ")
    assert "please" not in lost.log.read_text()
    assert lost.process.wait(timeout=10) != 0
