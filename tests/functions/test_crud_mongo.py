"""functions/crud-mongo, on a server that keeps what it is given"""

from __future__ import annotations

import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bson
import pytest
import yaml
from bson import ObjectId
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lab_helpers import functions
from lab_helpers._wait import NotYet, until

from .conftest import Server, Start
from .http import Answer, ask, request
from .mongo import Mongo, Relay, free_port

API = yaml.safe_load((functions.find("crud-mongo").folder / "openapi.yaml").read_text())
NOWHERE = "0123456789abcdef01234567"
"""A well-formed id that no document has."""
MEGABYTE = 1_048_576
QUICKLY = hypothesis_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$.\0"), min_size=1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
FIELDS = st.dictionaries(KEYS.filter(lambda key: key not in ("_id", "comments")), VALUES)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text() | st.sampled_from(["$set", "$where", "$ne", "_id", "comments", "a.b"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    started = Mongo(tmp_path_factory.mktemp("mongo")).start()
    yield started
    started.end()


def serve(launch: Start, folder: Path, uri: str, **variables: str) -> Server:
    """The function, with a connection string as its secret."""
    (folder / "mongodb-uri").write_text(uri + "\n")
    mounted = {"secret_mount_path": str(folder), "DRAIN_SECONDS": "0", **variables}
    return launch(functions.find("crud-mongo"), **mounted)


@pytest.fixture(scope="module")
def server(launch: Start, mongo: Mongo, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return serve(launch, tmp_path_factory.mktemp("secrets"), mongo.uri())


def call(server: Server, method: str, path: str, body: Any = None) -> Answer:
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    return ask(server.port, request(method, path, content))


def made(server: Server, /, **fields: Any) -> dict[str, Any]:
    answer = call(server, "POST", "/", fields)
    assert answer.code == 201
    document: dict[str, Any] = answer.json
    return document


def everything(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(server, "GET", "/").json
    return found


def test_a_document_is_made_read_changed_and_removed(server: Server) -> None:
    ada = made(server, name="Ada", born=1815, tags=["maths"])
    assert re.fullmatch("[0-9a-f]{24}", ada["_id"])
    assert call(server, "GET", f"/{ada['_id']}").json == ada
    assert ada in everything(server)
    changed = call(server, "PUT", f"/{ada['_id']}", {"born": 1816, "died": 1852})
    assert (changed.code, changed.json) == (200, {**ada, "born": 1816, "died": 1852})
    assert call(server, "GET", f"/{ada['_id']}").json == changed.json
    removed = call(server, "DELETE", f"/{ada['_id']}")
    assert (removed.code, removed.json) == (200, changed.json)
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"a": 1}), ("PUT", {})):
        gone = call(server, method, f"/{ada['_id']}", body)
        assert (gone.code, gone.error) == (404, "Not Found")
    assert ada["_id"] not in [each["_id"] for each in everything(server)]


def test_comments_come_and_go(server: Server) -> None:
    ada = made(server, name="Ada")
    one = call(server, "POST", f"/{ada['_id']}/comments", {"text": "one"})
    assert one.code == 201
    two = call(server, "POST", f"/{ada['_id']}/comments", {"text": "two"}).json
    assert [each["text"] for each in two["comments"]] == ["one", "two"]
    first, second = (each["_id"] for each in two["comments"])
    assert first != second
    left = call(server, "DELETE", f"/{ada['_id']}/comments/{first}")
    assert (left.code, left.json) == (200, {**ada, "comments": [{"_id": second, "text": "two"}]})
    assert call(server, "DELETE", f"/{ada['_id']}/comments/{first}").code == 404
    assert call(server, "DELETE", f"/{NOWHERE}/comments/{second}").code == 404
    assert call(server, "POST", f"/{NOWHERE}/comments", {"text": "x"}).code == 404
    assert call(server, "GET", f"/{ada['_id']}").json == left.json


def test_what_was_answered_can_be_sent_back(server: Server) -> None:
    ada = made(server, name="Ada", comments=[{"text": "one"}, {"text": "two"}])
    assert all(ObjectId.is_valid(each["_id"]) for each in ada["comments"])
    assert call(server, "PUT", f"/{ada['_id']}", ada).json == ada
    (one, _) = ada["comments"]
    assert call(server, "DELETE", f"/{ada['_id']}/comments/{one['_id']}").code == 200


def test_other_paths_and_methods_are_refused(server: Server) -> None:
    for path in (f"/{NOWHERE}/x", f"/{NOWHERE}/comments/{NOWHERE}/x", "/a/b/c/d"):
        assert call(server, "GET", path).code == 404
    for method, path, allowed in (
        ("DELETE", "/", "GET, POST"),
        ("POST", f"/{NOWHERE}", "GET, PUT, DELETE"),
        ("GET", f"/{NOWHERE}/comments", "POST"),
        ("PUT", f"/{NOWHERE}/comments/{NOWHERE}", "DELETE"),
    ):
        answer = call(server, method, path, {})
        assert (answer.code, answer.headers["allow"]) == (405, allowed)
        assert answer.error


@pytest.mark.parametrize(
    "name", ["1", "null", "[$ne]", '{"$ne":null}', "x" * 24, NOWHERE[1:], NOWHERE + "0",
             "\uff41" * 24,
             "$where", "0123456789ab", "..", "%00" * 24],
)  # fmt: skip
def test_a_malformed_id_is_refused(server: Server, name: str) -> None:
    before = everything(server)
    for method, path in (
        ("GET", "{}"), ("PUT", "{}"), ("DELETE", "{}"), ("POST", "{}/comments"),
        ("DELETE", NOWHERE + "/comments/{}"),
    ):  # fmt: skip
        answer = call(server, method, "/" + path.format(quote(name, safe="%")), {"a": 1})
        assert (answer.code, answer.error) == (400, "an id is 24 hexadecimal digits")
    assert everything(server) == before


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"hello", b"\xff", b"[]", b"[{}]", b"1", b"null", b'"x"', b"[" * 100_000,
        b'{"a":' * 60 + b"1" + b"}" * 60, b'{"a":' * 100_000, b'{"a": NaN}', b'{"a": 1e999}',
        b'{"a": -Infinity}', b'{"a": 9223372036854775808}', b'{"a": -9223372036854775809}',
        b'{"a": ' + b"9" * 5000 + b"}", b'{"$set": {"a": 1}}', b'{"a": {"$ne": 1}}',
        b'{"a": [{"$where": "1"}]}', b'{"": 1}', b'{"a.b": 1}', b'{"comments.0": 1}',
        b'{"a\\u0000b": 1}', b'{"a": "\\ud800"}', b'{"\\udfff": 1}',
        b'{"_id": "0123456789abcdef01234567"}', b'{"_id": {"$ne": null}}', b'{"_id": 1}',
        b'{"comments": "x"}', b'{"comments": {"a": 1}}', b'{"comments": [1]}',
        b'{"comments": [{"_id": 1}]}', b'{"comments": [{"$ne": 1}]}',
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)  # fmt: skip
def test_what_no_document_can_be_made_of_is_refused(server: Server, body: bytes) -> None:
    ada = made(server, name="Ada", comments=[{"text": "one"}])
    before = everything(server)
    for method, path in (("POST", "/"), ("PUT", f"/{ada['_id']}")):
        answer = call(server, method, path, body)
        assert answer.code == 400
        assert answer.error
    if b"comments" not in body:
        assert call(server, "POST", f"/{ada['_id']}/comments", body).code == 400
    assert everything(server) == before


def test_operators_in_a_query_are_nothing_but_text(server: Server) -> None:
    ada = made(server, name="Ada")
    before = everything(server)
    for query in ("_id[$ne]=1", "$where=sleep(1000)", "filter={%22$ne%22:1}", "name[$regex]=.*"):
        assert call(server, "GET", f"/?{query}").json == before
        assert call(server, "DELETE", f"/{NOWHERE}?{query}").code == 404
        assert call(server, "GET", f"/{ada['_id']}?{query}").json == ada
    assert everything(server) == before


def test_too_much_is_refused(server: Server) -> None:
    ada = made(server, name="Ada")
    ten = json.dumps({"text": "x" * 10 * MEGABYTE}).encode()
    for method, path in (
        ("POST", "/"), ("PUT", f"/{ada['_id']}"), ("POST", f"/{ada['_id']}/comments"),
    ):  # fmt: skip
        answer = call(server, method, path, ten)
        assert answer.code == 413
        assert answer.error
    assert call(server, "GET", f"/{ada['_id']}").json == ada


def test_a_document_does_not_grow_for_ever(server: Server) -> None:
    ada = made(server, name="Ada")
    path, comment = f"/{ada['_id']}/comments", {"text": "x" * (MEGABYTE - 100)}
    codes = Counter(call(server, "POST", path, comment).code for _ in range(7))
    assert codes == {201: 5, 413: 2}
    assert call(server, "PUT", f"/{ada['_id']}", {"a": 1}).code == 413
    assert call(server, "DELETE", f"/{ada['_id']}").code == 200


@QUICKLY
@example({"server": None}, {}, {})
@given(FIELDS, FIELDS, FIELDS)
def test_whatever_a_document_may_be_is_kept(
    server: Server, fields: Any, changes: Any, comment: Any
) -> None:
    document = made(server, **fields)
    assert document == {"_id": document["_id"], **fields}
    path = f"/{document['_id']}"
    document = call(server, "PUT", path, changes).json
    assert document == {"_id": document["_id"], **fields, **changes}
    with_comment = call(server, "POST", f"{path}/comments", comment).json
    (added,) = with_comment["comments"]
    assert added == {**comment, "_id": added["_id"]}
    assert call(server, "DELETE", f"{path}/comments/{added['_id']}").json["comments"] == []
    assert call(server, "DELETE", path).code == 200


def resolved(part: Any) -> Any:
    """A part of the description, with what it refers to in its place."""
    if isinstance(part, dict):
        if "$ref" in part:
            found = API
            for key in part["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            return resolved(found)
        return {key: resolved(each) for key, each in part.items()}
    return [resolved(each) for each in part] if isinstance(part, list) else part


OPERATIONS = [
    (method.upper(), path, resolved(said["responses"]))
    for path, methods in API["paths"].items()
    for method, said in methods.items()
    if method != "parameters"
]


def as_described(answer: Answer, responses: dict[str, Any]) -> None:
    """See that an answer is one of those that the description knows."""
    assert str(answer.code) in responses, answer
    schema = responses[str(answer.code)]["content"]["application/json"]["schema"]
    Draft202012Validator(schema).validate(answer.json)


@QUICKLY
@given(
    st.sampled_from(OPERATIONS), st.booleans(), st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"])), ANYTHING | st.binary(),
)  # fmt: skip
def test_every_answer_is_as_described(
    server: Server, operation: Any, known: bool, well: bool, noise: str, body: Any
) -> None:
    method, template, responses = operation
    document = made(server, name="Ada", comments=[{"text": "one"}])
    ids = {"id": document["_id"], "comment": document["comments"][0]["_id"]}
    if not known:
        ids = dict.fromkeys(ids, NOWHERE)
    if not well:
        # A slash would make it another path, and a lone dot none at all for some clients.
        ids = dict.fromkeys(ids, quote("-" + noise.replace("/", ""), safe=""))
    answer = call(server, method, template.format(**ids), body)
    as_described(answer, responses)
    if method == "POST" and template == "/" and answer.code == 201:
        assert call(server, "DELETE", f"/{answer.json['_id']}").code == 200
    if call(server, "DELETE", f"/{document['_id']}").code == 404:
        assert (method, template, known and well) == ("DELETE", "/{id}", True)


def test_the_description_has_all_that_the_function_does(server: Server) -> None:
    ids = {"id": NOWHERE, "comment": NOWHERE}
    for path in API["paths"]:
        described = {method for method, each, _ in OPERATIONS if each == path}
        answer = call(server, "PATCH", path.format(**ids))
        assert set(answer.headers["allow"].split(", ")) == described


def test_what_an_index_forbids_is_a_conflict(launch: Start, mongo: Mongo, tmp_path: Path) -> None:
    with mongo.client(user="user_admin", word="of-user_admin") as admin:
        role = {"role": "readWrite", "db": "unique"}
        admin.admin.command({"createUser": "unique", "pwd": "x", "roles": [role]})
    server = serve(launch, tmp_path, mongo.uri("unique", "x", "unique"))
    with mongo.client(user="unique", word="x", database="unique") as client:
        client.unique.entry.create_index("email", unique=True)
    ada, bob = (made(server, email=f"{name}@example.org") for name in ("ada", "bob"))
    for method, path in (("POST", "/"), ("PUT", f"/{bob['_id']}")):
        answer = call(server, method, path, {"email": "ada@example.org"})
        assert (answer.code, answer.error) == (409, "there is such a document already")
    assert everything(server) == [ada, bob]


def test_side_by_side_nothing_is_lost(server: Server, mongo: Mongo) -> None:
    ada = made(server, name="Ada")
    codes: Counter[int] = Counter()

    def write(worker: int) -> None:
        for number in range(8):
            comment = {"text": f"{worker} {number}"}
            codes[call(server, "POST", f"/{ada['_id']}/comments", comment).code] += 1

    workers = [threading.Thread(target=write, args=[worker]) for worker in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    comments = call(server, "GET", f"/{ada['_id']}").json["comments"]
    assert codes == {201: 64}
    assert len({each["text"] for each in comments}) == len(comments) == 64
    with mongo.client(user="cluster_monitor", word="of-cluster_monitor") as admin:
        opened = admin.admin.command("serverStatus")["connections"]["current"]
    # One pool for the process, of 32 at most, and those that watch the server.
    assert opened <= 40


def test_a_write_counts_once_a_majority_has_it_in_the_journal(
    launch: Start, mongo: Mongo, tmp_path: Path
) -> None:
    with Relay(mongo.port) as relay:
        uri = mongo.uri().replace(str(mongo.port), str(relay.port))
        server = serve(launch, tmp_path, uri)
        made(server, name="Ada")
        insert = relay.seen.rpartition(b"insert\0")[2]
    concern = bson.encode({"j": True, "w": "majority"})
    assert b"\3writeConcern\0" + concern in insert


def test_it_answers_503_while_the_database_is_away_and_recovers(
    launch: Start, tmp_path: Path
) -> None:
    mongo = Mongo(tmp_path)
    server = serve(launch, tmp_path, mongo.uri())
    # Not there when the function starts, nor when it is first called.
    away = call(server, "GET", "/")
    assert (away.code, away.error) == (503, "the database does not answer")
    mongo.start()
    ada = until("the first answer", lambda: answered(server, "GET", "/"), timeout=30)
    assert ada.json == []
    ada = made(server, name="Ada")
    mongo.end(signal.SIGKILL)
    for method, path, body in (
        ("GET", "/", None), ("POST", "/", {"a": 1}), ("PUT", f"/{ada['_id']}", {"a": 1}),
    ):  # fmt: skip
        answer = call(server, method, path, body)
        assert (answer.code, answer.error) == (503, "the database does not answer")
    # What is refused needs no database.
    assert call(server, "POST", "/", b"{").code == 400
    mongo.start()
    found = until("an answer again", lambda: answered(server, "GET", f"/{ada['_id']}"), timeout=30)
    assert found.json == ada
    assert server.process.poll() is None
    mongo.end()


def answered(server: Server, method: str, path: str) -> Answer:
    answer = call(server, method, path)
    if answer.code == 503:
        raise NotYet(answer.error)
    return answer


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(
    launch: Start, tmp_path: Path
) -> None:
    mongo = Mongo(tmp_path).start()
    server = serve(launch, tmp_path, mongo.uri())
    seen: Counter[int] = Counter()
    kept: list[str] = []

    def write(worker: int) -> None:
        for number in range(60):
            answer = call(server, "POST", "/", {"text": f"{worker} {number}"})
            seen[answer.code] += 1
            if answer.code == 201:
                kept.append(answer.json["_id"])

    workers = [threading.Thread(target=write, args=[worker]) for worker in range(4)]
    for each in workers:
        each.start()
    until("some writes", lambda: enough(kept, 30), timeout=30, interval=0.01)
    mongo.end(signal.SIGKILL)
    until("the function to say so", lambda: enough(seen.keys(), 2), timeout=30, interval=0.01)
    mongo.start()
    for each in workers:
        each.join()
    assert set(seen) == {201, 503}, "neither another error nor a hang"
    there = {each["_id"] for each in everything(server)}
    assert set(kept) <= there
    assert len(kept) == seen[201]
    mongo.end()


def enough(found: Any, least: int) -> None:
    if len(found) < least:
        raise NotYet(f"{len(found)} of {least}")


def test_a_database_of_another_name_is_used_where_it_is_said(
    launch: Start, mongo: Mongo, tmp_path: Path
) -> None:
    server = serve(launch, tmp_path, mongo.uri(), DATABASE="elsewhere")
    # The user may not use it, which is no business of callers.
    answer = call(server, "GET", "/")
    assert (answer.code, answer.error) == (500, "the function failed; its log says why")
    assert "not authorized on elsewhere" in server.log.read_text()


def test_nothing_of_the_connection_is_told(launch: Start, tmp_path: Path) -> None:
    server = serve(launch, tmp_path, f"mongodb://app:hidden@127.0.0.1:{free_port()}/app")
    answer = call(server, "GET", "/")
    assert answer.code == 503
    assert "hidden" not in answer.body.decode() + server.log.read_text()


def test_it_needs_little(launch: Start, mongo: Mongo, tmp_path: Path) -> None:
    server = serve(launch, tmp_path, mongo.uri())
    ada = made(server, name="Ada")
    assert server.resident < 90_000
    path, comment = f"/{ada['_id']}/comments", {"text": "x" * (MEGABYTE - 100)}
    for _ in range(5):
        assert call(server, "POST", path, comment).code == 201
    # A pod may have 256 MiB.
    assert server.peak < 160_000
    call(server, "DELETE", f"/{ada['_id']}")
