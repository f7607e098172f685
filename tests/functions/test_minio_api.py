"""functions/minio-api, on servers that are real"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import functions
from lab_helpers._wait import NotYet, until

from .conftest import Server, Start
from .forms import BOUNDARY, Part, field, file, upload
from .http import Answer, ask, request
from .s3 import KEY, MINE, REGION, S3, USER, minio, seaweedfs

MEGABYTE = 1_048_576
NAMES = (
    "plain.txt", "a b.txt", " ends with blanks ", "a/b/c.txt", "100%.txt", "%2e%2e%2f",
    "a+b&c=d?#;",
    "árbol/ñandú.txt", "日本語.txt", "👩‍👩‍👧/🎉.png", "~tilde'(1)*!", "x" * 250, "a:b|c<d>",
    "..hidden", "...", "a/..b/c..", "-rf", "$HOME", "`id`",
)  # fmt: skip
UPWARDS = ("..", ".", "../up", "a/../b", "a/..", "./a", "/a", "a/", "a//b", "../../../tmp/x", "/")
LENIENT = hypothesis_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """MinIO with two buckets, one of which is none of the function's."""
    server = minio(tmp_path_factory.mktemp("minio"))
    server.start()
    root = server.client()
    for bucket in (MINE, "others"):
        root.make_bucket(bucket)
    root.put_object("others", "secret.txt", BytesIO(b"secret"), 6)
    server.add_user("api", "the api's password")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def begin(launch: Start, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Server]:
    """Starts the function with the keys of a user of some storage."""

    def start(storage: S3, user: str, password: str) -> Server:
        secrets = tmp_path_factory.mktemp("secrets")
        (secrets / "minio-access-key").write_text(user)
        (secrets / "minio-secret-key").write_text(f"{password}\n")
        return launch(
            functions.find("minio-api"), S3_ENDPOINT=storage.address, S3_PUBLIC=storage.address,
            S3_REGION=REGION, SECRETS_FOLDER=str(secrets), DRAIN_SECONDS="0",
        )  # fmt: skip

    return start


@pytest.fixture(scope="module")
def server(begin: Callable[..., Server], storage: S3) -> Server:
    return begin(storage, "api", "the api's password")


def path(name: str = "", bucket: str = MINE) -> str:
    return f"/{bucket}/{quote(name, safe='/')}" if name else f"/{bucket}"


def get(server: Server, where: str) -> Answer:
    return ask(server.port, request("GET", where))


def store(server: Server, name: str, content: bytes | int, kind: str = "text/plain") -> Answer:
    return upload(server.port, file("file", name, content, kind), path=path())


def read(server: Server, name: str) -> httpx.Response:
    """What somebody gets who has no key, and only follows the link."""
    answer = get(server, path(name))
    assert answer.code == 302, answer.body
    return httpx.get(answer.headers["location"], trust_env=False)


def remove(server: Server, name: str) -> Answer:
    return ask(server.port, request("DELETE", path(name)))


def names(server: Server) -> list[str]:
    return [each["name"] for each in get(server, path()).json]


def round_trip(server: Server, name: str, content: bytes) -> None:
    assert store(server, name, content).json["name"] == name
    assert names(server) == [name]
    assert read(server, name).content == content
    assert remove(server, name).json == {"delete": True}
    assert names(server) == []


def test_a_file_comes_back_as_it_was_stored(server: Server) -> None:
    stored = store(server, "page.html", b"<p>hello</p>", "text/html; charset=utf-8")
    assert stored.code == 200
    assert stored.json["size"] == 12
    (listed,) = get(server, path()).json
    assert {key: listed[key] for key in stored.json} == stored.json
    found = read(server, "page.html")
    assert (found.status_code, found.content) == (200, b"<p>hello</p>")
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert remove(server, "page.html").json == {"delete": True}
    assert get(server, path("page.html")).code == 404


def test_a_link_is_for_a_day_and_for_reading(server: Server, storage: S3) -> None:
    store(server, "linked.txt", b"x")
    answer = get(server, path("linked.txt"))
    link = answer.headers["location"]
    assert link.startswith(f"{storage.address}/{MINE}/linked.txt?")
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["86400"]
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.put(link, content=b"y", trust_env=False).status_code == 403
    assert httpx.get(link.replace("linked", "other"), trust_env=False).status_code == 403
    assert httpx.get(link.partition("?")[0], trust_env=False).status_code == 403
    remove(server, "linked.txt")


def test_only_the_functions_own_bucket_is_there(server: Server, storage: S3) -> None:
    before = storage.everything()
    (bucket,) = get(server, "/").json
    assert bucket["name"] == MINE
    for bucket in ("others", "missing", "x", "UPPER", "a_b", "127.0.0.1", "..", "%00", "é"):
        assert get(server, f"/{quote(bucket)}").code == 404, bucket
        assert get(server, path("secret.txt", quote(bucket))).code == 404, bucket
        gone = ask(server.port, request("DELETE", path("secret.txt", quote(bucket))))
        assert gone.code == 404, bucket
        put = upload(server.port, file("file", "new", b"x"), path=f"/{quote(bucket)}")
        assert put.code == 404, bucket
    assert storage.everything() == before


@pytest.mark.parametrize("name", NAMES)
def test_names_come_back_as_they_were(server: Server, name: str) -> None:
    round_trip(server, name, name.encode())


STEPS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='/\\"'),
    min_size=1, max_size=20,
).filter(lambda step: step not in (".", ".."))  # fmt: skip


@LENIENT
@given(st.lists(STEPS, min_size=1, max_size=4).map("/".join), st.binary(max_size=50))
def test_every_name_comes_back_or_is_refused_and_nothing_else_happens(
    server: Server, storage: S3, name: str, content: bytes
) -> None:
    before = storage.everything()
    stored = store(server, name, content)
    if stored.code == 200:
        assert read(server, name).content == content
        assert remove(server, name).json == {"delete": True}
    else:
        assert (stored.code, bool(stored.error)) == (400, True)
        assert not all(map(str.isalnum, name)), "an ordinary name is not refused"
    assert storage.everything() == before


@pytest.mark.parametrize("name", [*UPWARDS, "a" * 1025, "é" * 600, "a\x01b", "", "x" * 300])
def test_names_that_lead_elsewhere_change_nothing(server: Server, storage: S3, name: str) -> None:
    before = storage.everything()
    refused = store(server, name, b"harm")
    assert refused.code == 400, refused.body
    assert refused.error
    if name:
        for method in ("GET", "DELETE"):
            # As it is, and with nothing for anybody on the way to tidy up.
            for written in (quote(name, safe=""), quote(name, safe="/")):
                sent = request(method, f"/{MINE}/{written}")
                assert ask(server.port, sent).code in (404, 405), written
    assert storage.everything() == before
    assert not (storage.folder / "data" / "up").exists()


def test_a_thousand_objects_are_listed_in_order(server: Server, storage: S3) -> None:
    wanted = sorted(f"many/{number:04} á.txt" for number in range(1003))
    client = storage.client()
    for name in wanted:
        client.put_object(MINE, name, BytesIO(b"x"), 1)
    try:
        assert names(server) == wanted
    finally:
        for name in wanted:
            client.remove_object(MINE, name)


def test_a_hundred_megabytes_pass_through_without_being_held(server: Server) -> None:
    store(server, "small", 6 * MEGABYTE)
    before = server.peak
    size = 100 * MEGABYTE - 1000
    assert store(server, "large", size).json["size"] == size
    assert server.peak - before < 32_000
    link = get(server, path("large")).headers["location"]
    seen = sha256()
    with httpx.stream("GET", link, trust_env=False) as answer:
        for chunk in answer.iter_raw():
            seen.update(chunk)
    assert seen.hexdigest() == sha256(bytes(size)).hexdigest()
    for name in ("small", "large"):
        remove(server, name)


def test_many_upload_at_once(server: Server) -> None:
    """More than are handed on side by side, and far more than would fit into memory."""

    async def crowd() -> list[Answer]:
        from .forms import send

        uploads = (
            send(server.port, [file("file", f"{number}", 12 * MEGABYTE)], path=path())
            for number in range(12)
        )
        return await asyncio.gather(*uploads)

    assert {answer.code for answer in asyncio.run(crowd())} == {200}
    assert server.peak < 160_000, "a pod has 192 MiB"
    for number in range(12):
        remove(server, str(number))


@pytest.mark.parametrize(
    "parts",
    [[], [field("file", "text")], [file("other", "name", b"x")], [file("file", "a", b"x")] * 2],
    ids=["nothing", "no file", "another field", "two files"],
)
def test_what_is_no_upload_is_refused(server: Server, parts: list[Part]) -> None:
    answer = upload(server.port, *parts, path=path())
    assert answer.code == 400
    assert "`file`" in answer.error
    assert names(server) == []


def test_a_type_that_is_none_does_no_harm(server: Server) -> None:
    for kind in ("tëxt", "x" * 9000, "text/plain\x7f"):
        assert store(server, "typed", b"x", kind).code in (200, 400)
    remove(server, "typed")


def test_other_methods_are_refused(server: Server) -> None:
    for where, allowed in (("/", "GET"), (path(), "GET, POST"), (path("x"), "GET, DELETE")):
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - {*allowed.split(", ")}:
            answer = ask(server.port, request(method, where))
            assert (answer.code, answer.headers["allow"]) == (405, allowed)
            assert answer.error


def test_more_than_the_limit_is_refused(server: Server) -> None:
    assert store(server, "huge", 101 * MEGABYTE).code == 413
    assert names(server) == []


def test_keys_that_the_storage_does_not_know(begin: Callable[..., Server], storage: S3) -> None:
    for user, password in (("nobody", KEY), ("api", "another password")):
        server = begin(storage, user, password)
        answer = get(server, "/")
        assert (answer.code, answer.error) == (503, "the storage does not answer; try again soon")
        assert "The storage cannot be used" in server.log.read_text()
        assert password not in server.log.read_text()


def test_a_storage_that_is_away_is_told_and_comes_back(server: Server, storage: S3) -> None:
    store(server, "kept", b"kept")
    storage.kill()
    for asked in (
        get(server, "/"), get(server, path()), get(server, path("kept")), remove(server, "kept"),
        store(server, "kept", b"other"),
    ):  # fmt: skip
        assert asked.code == 503
        assert asked.error
    storage.start()
    assert read(server, "kept").content == b"kept", "what was acknowledged is there after a kill"
    assert remove(server, "kept").code == 200


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3])
def test_an_upload_that_is_cut_off_leaves_all_or_nothing(
    server: Server, storage: S3, seconds: float
) -> None:
    content = bytes(range(256)) * 4096 * 40
    answers: list[Answer] = []

    def send() -> None:
        answers.append(store(server, "cut", content))

    sending = threading.Thread(target=send)
    sending.start()
    held = storage.folder / "data" / ".minio.sys"

    def under_way() -> None:
        if not list(held.glob("multipart/*/*/*")):
            raise NotYet("no part has come yet")

    until("the upload to be under way", under_way, timeout=20, interval=0.005)
    sending.join(seconds)
    storage.kill()
    sending.join()
    storage.start()
    (answer,) = answers
    assert answer.code in (200, 503)
    there = names(server)
    assert there in ([], ["cut"])
    if there:
        assert read(server, "cut").content == content
        remove(server, "cut")
    assert there or answer.code == 503, "what was acknowledged is there"


DESCRIBED: dict[str, Any] = yaml.safe_load(
    (functions.find("minio-api").folder / "openapi.yaml").read_text()
)
OPERATIONS = [
    (template, method)
    for template, methods in DESCRIBED["paths"].items()
    for method in ("get", "post", "delete")
    if method in methods
]
ANYTHING = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(UPWARDS)


def described(answer: Answer, template: str, method: str) -> None:
    """Fails where an answer is not as the description says."""
    responses = DESCRIBED["paths"][template][method]["responses"]
    assert str(answer.code) in responses, f"{method} {template} answers {answer.code}"
    said = responses[str(answer.code)]
    if "$ref" in said:
        said = DESCRIBED["components"]["responses"][said["$ref"].rpartition("/")[2]]
    if "content" in said:
        schema = said["content"]["application/json"]["schema"]
        jsonschema.validate(
            answer.json, {**schema, "components": DESCRIBED["components"]},
            format_checker=jsonschema.FormatChecker(),
        )  # fmt: skip
    assert set(map(str.lower, said.get("headers", {}))) <= set(answer.headers)


@pytest.mark.parametrize(("template", "method"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_described(
    server: Server, storage: S3, template: str, method: str
) -> None:
    store(server, "there.txt", b"x")
    before = storage.everything()

    @LENIENT
    @given(
        bucket=st.sampled_from([MINE, "others", "missing"]) | ANYTHING.filter(bool),
        name=st.just("there.txt") | ANYTHING.filter(bool),
        body=st.binary(max_size=100) | st.just(b"--" + BOUNDARY.encode() + b"--\r\n"),
        form=st.booleans(),
    )
    def check(bucket: str, name: str, body: bytes, form: bool) -> None:
        where = template.replace("{bucket}", quote(bucket, safe=""))
        where = where.replace("{object}", quote(name, safe=""))
        if method == "delete" and name == "there.txt" and bucket == MINE:
            return
        kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
        given = (body, *([kind] if form else [])) if method == "post" else ()
        sent = request(method.upper(), where, *given)
        answer = ask(server.port, sent)
        # A bucket or a name with nothing but a slash in it is another path.
        if "/" not in (bucket + name if "{object}" in template else bucket):
            described(answer, template, method)
        assert answer.code < 500

    check()
    assert storage.everything() == before
    assert "Traceback" not in server.log.read_text()
    remove(server, "there.txt")


def test_another_server_does_as_well(
    begin: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The function speaks S3, and no MinIO: the same code with SeaweedFS behind it."""
    other = seaweedfs(tmp_path_factory.mktemp("seaweedfs"))
    try:
        other.start()
        other.client().make_bucket(MINE)
        server = begin(other, USER, KEY)
        assert [each["name"] for each in get(server, "/").json] == [MINE]
        for name in ("plain.txt", "a b/c.txt", "100%.txt", "árbol 🎉.txt"):
            round_trip(server, name, name.encode())
        assert get(server, path(bucket="missing")).code == 404
        assert get(server, path("missing")).code == 404
    finally:
        other.kill()


def test_the_description_is_of_this_function() -> None:
    assert DESCRIBED["servers"][0]["url"].endswith("/function/minio-api")
    assert len(OPERATIONS) == 5
