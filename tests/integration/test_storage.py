"""MinIO and what is built on it: a site, an API, links; and what becomes of it when it dies"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from lab_helpers import Lab, LabError
from lab_helpers._wait import NotYet, until
from lab_helpers.openfaas.workflow import OpenFaaS
from lab_helpers.storage import Storage

from .support import command
from .test_learners import close

MEGABYTE = 1_048_576
NAMES = (
    "plain.txt", "a b/c.txt", "100%.txt", "%2e%2e%2f", "árbol/ñandú.txt", "👩‍👩‍👧 🎉.png",
    "a+b&c=d?#",
)  # fmt: skip


@pytest.fixture(scope="module")
def learner(lab: Lab) -> Iterator[Lab]:
    """Somebody that nobody else is, with what chapter 04 begins with."""
    for name in ("minio", "openfaas"):
        command("enable", name, timeout=300)
    somebody = Lab(lab.connection, chapter="79", learner=f"eve{secrets.token_hex(3)}")
    yield somebody
    close(somebody)


@pytest.fixture(scope="module")
def storage(learner: Lab) -> Storage:
    return learner.storage()


@pytest.fixture
def bucket(learner: Lab, storage: Storage) -> Iterator[str]:
    name = f"{learner.name('files')}-{secrets.token_hex(3)}"
    storage.s3.make_bucket(name)
    yield name
    storage.remove_bucket(name)


def allow(resource: str, *actions: str) -> dict[str, object]:
    return {
        "Effect": "Allow",
        "Action": [f"s3:{each}" for each in actions],
        "Resource": [f"arn:aws:s3:::{resource}"],
    }


@pytest.fixture(scope="module")
def faas(learner: Lab, storage: Storage) -> Iterator[OpenFaaS]:
    """The function, with a user of its own who may use the buckets of this learner's `files`."""
    user, key = learner.name("minio-api"), secrets.token_urlsafe(24)
    below = f"{learner.name('files')}-*"
    policy = {"Version": "2012-10-17", "Statement": [
        allow(below, "ListBucket", "GetBucketLocation"),
        allow(f"{below}/*", "GetObject", "PutObject", "DeleteObject"),
    ]}  # fmt: skip
    storage.admin.user_add(user, key)
    storage.admin.policy_add(user, policy=policy)
    storage.admin.policy_set(user, user=user)
    deployed = learner.openfaas()
    deployed.secret("minio-access-key", user)
    deployed.secret("minio-secret-key", key)
    deployed.up("minio-api", environment={"S3_PUBLIC": storage.address})
    yield deployed
    deployed.clean_up()
    storage.remove_user(user)


def ask(learner: Lab, faas: OpenFaaS, method: str, path: str, **given: object) -> httpx.Response:
    address = f"{faas.url('minio-api')}/{path}"
    return learner.http.request(method, address, **given)  # type: ignore[arg-type]


def test_names_come_back_as_they_were_through_gateway_and_ingress(
    learner: Lab, faas: OpenFaaS, bucket: str
) -> None:
    for name in NAMES:
        files = {"file": (name, name.encode(), "text/x-test")}
        assert ask(learner, faas, "POST", bucket, files=files).json()["name"] == name
    listed = ask(learner, faas, "GET", bucket).json()
    assert [each["name"] for each in listed] == sorted(NAMES, key=str.encode)
    for name in NAMES:
        # The gateway decodes a path twice; in between it must be an address's path still.
        special = set("%?#") & set(name)
        written = f"{bucket}/{quote(quote(name) if special else name)}"
        found = ask(learner, faas, "GET", written)
        assert found.status_code == 302, (name, found.text)
        there = learner.http.get(found.headers["location"])
        assert (there.content, there.headers["content-type"]) == (name.encode(), "text/x-test")
        assert ask(learner, faas, "DELETE", written).json() == {"delete": True}
    assert ask(learner, faas, "GET", bucket).json() == []


@pytest.mark.parametrize("path", ["../..", "%2e%2e/x", "x/../../minio", "..%2f..%2fx", "a//b"])
def test_paths_upwards_change_nothing(
    learner: Lab, faas: OpenFaaS, storage: Storage, bucket: str, path: str
) -> None:
    storage.s3.put_object(bucket, "x", BytesIO(b"x"), 1)
    before = everything(storage)
    for method in ("GET", "DELETE"):
        answer = raw(learner, method, f"{faas.url('minio-api')}/{bucket}/{path}")
        assert answer >= 300, f"{method} {path}"
    files = {"file": ("../../up", b"harm")}
    assert ask(learner, faas, "POST", bucket, files=files).status_code == 400
    assert everything(storage) == before


def everything(storage: Storage) -> list[tuple[str, str | None, str | None]]:
    return [
        (each.bucket_name, each.object_name, each.etag)
        for bucket in storage.s3.list_buckets()
        for each in storage.s3.list_objects(bucket.name, recursive=True)
    ]


def raw(learner: Lab, method: str, address: str) -> int:
    """The status for an address that no library has tidied up before it is sent."""
    host, _, path = address.removeprefix("http://").partition("/")
    request = httpx.Request(method, f"http://{host}/", extensions={"target": f"/{path}".encode()})
    return learner.http.send(request).status_code


def test_a_hundred_megabytes_pass_through_and_are_read_by_a_link(
    learner: Lab, faas: OpenFaaS, bucket: str, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    size = 100 * MEGABYTE - 1000
    with large.open("wb") as file:
        file.truncate(size)
    with large.open("rb") as file:
        files = {"file": ("large", file)}
        answer = ask(learner, faas, "POST", bucket, files=files, timeout=60)
    assert answer.json()["size"] == size, answer.text
    link = ask(learner, faas, "GET", f"{bucket}/large").headers["location"]
    seen = sha256()
    with learner.http.stream("GET", link) as reading:
        for chunk in reading.iter_raw():
            seen.update(chunk)
    assert seen.hexdigest() == sha256(bytes(size)).hexdigest()
    (pod,) = learner.pods(faas.namespace, "faas_function=minio-api")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_a_link_works_in_a_pod_and_outside(learner: Lab, faas: OpenFaaS, bucket: str) -> None:
    ask(learner, faas, "POST", bucket, files={"file": ("x.txt", b"hello")})
    link = ask(learner, faas, "GET", f"{bucket}/x.txt").headers["location"]
    assert link.startswith(learner.storage().address)
    assert learner.http.get(link).text == "hello"
    fetch = f"from urllib.request import urlopen; print(urlopen({link!r}).read().decode())"
    seen = learner.kubectl("exec", "deployment/minio-api", "--namespace", faas.namespace, "--",
                           "python3", "-c", fetch)  # fmt: skip
    assert seen.strip() == "hello"


def kill(learner: Lab) -> None:
    """End the server as a failure of its machine would."""
    learner.kubectl("delete", "pods", "--namespace", "minio", "--selector", "app=minio",
                    "--grace-period=0", "--force")  # fmt: skip


def test_a_server_that_is_killed_during_an_upload_leaves_all_or_nothing(
    learner: Lab, faas: OpenFaaS, bucket: str
) -> None:
    ask(learner, faas, "POST", bucket, files={"file": ("before", b"acknowledged")})
    content = bytes(range(256)) * 4096 * 90
    answers: list[httpx.Response] = []
    sending = threading.Thread(
        target=lambda: answers.append(
            ask(learner, faas, "POST", bucket, files={"file": ("cut", content)}, timeout=60)
        )
    )
    sending.start()
    volumes = learner.connection.kubeconfig.parent / "storage"

    def under_way() -> None:
        if not list(volumes.glob("*/.minio.sys/multipart/*/*/*/part*")):
            raise NotYet("no part has come yet")

    until("the upload to be under way", under_way, timeout=30, interval=0.01)
    kill(learner)
    sending.join()
    (answer,) = answers
    assert answer.status_code in (200, 503), answer.text
    learner.wait_until(
        "the function to find its storage again",
        lambda: ask(learner, faas, "GET", bucket).is_success,
    )
    alive = f"{learner.storage().address}/minio/health/live"
    learner.wait_until("the ingress as well", lambda: learner.http.get(alive).is_success)
    there = {each["name"] for each in ask(learner, faas, "GET", bucket).json()}
    assert "before" in there
    assert "cut" in there or answer.status_code == 503
    for name, wanted in {"before": b"acknowledged", "cut": content}.items():
        if name in there:
            link = ask(learner, faas, "GET", f"{bucket}/{name}").headers["location"]
            assert learner.http.get(link).content == wanted
    (pod,) = learner.pods(faas.namespace, "faas_function=minio-api")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


@pytest.fixture(scope="module")
def site(learner: Lab, storage: Storage) -> Iterator[str]:
    """The bucket of chapter 04's site, with what its Ingress needs."""
    name = learner.name("static-site")
    storage.s3.make_bucket(name)
    for path, kind in (("index.html", "text/html"), ("x/y.js", "text/javascript")):
        storage.s3.put_object(name, path, BytesIO(path.encode()), len(path), kind)
    read = {**allow(f"{name}/*", "GetObject"), "Principal": "*"}
    policy = {"Version": "2012-10-17", "Statement": [read]}
    storage.s3.set_bucket_policy(name, json.dumps(policy))
    learner.apply("chapters/04-store-files-with-minio")
    learner.wait_for_page("static-site")
    yield learner.url("static-site", "")
    learner.delete("namespace", name)
    storage.remove_bucket(name)


def test_the_site_is_what_its_contract_says(learner: Lab, site: str) -> None:
    for path, name, kind in (
        ("/", "index.html", "text/html"),
        ("/index.html", "index.html", "text/html"),
        ("/x/y.js", "x/y.js", "text/javascript"),
        ("/x%2Fy.js", "x/y.js", "text/javascript"),
        ("/?list-type=2&prefix=", "index.html", "text/html"),
    ):
        page = learner.http.get(f"{site}{path}")
        assert (page.text, page.headers["content-type"]) == (name, kind), path
    for path in ("/x", "/x/", "/missing", "/index.html/", "/favicon.ico", "/minio/"):
        assert learner.http.get(f"{site}{path}").status_code == 404, path


@pytest.mark.parametrize(
    "path",
    ["/..", "/../{bucket}/secret", "/x/../../{bucket}/secret", "/%2e%2e/{bucket}/secret",
     "/..%2f{bucket}%2fsecret", "//{bucket}/secret", "/?uploads", "/?policy", "/%00",
     "//?list-type=2",
     "/%2f?list-type=2", "/.?list-type=2", "/index.html?acl"],
)  # fmt: skip
def test_nothing_but_the_site_is_shown(
    learner: Lab, storage: Storage, bucket: str, site: str, path: str
) -> None:
    storage.s3.put_object(bucket, "secret", BytesIO(b"for nobody"), 10)
    host = site.removeprefix("http://")
    target = path.format(bucket=bucket).encode()
    request = httpx.Request("GET", f"http://{host}/", extensions={"target": target})
    answer = learner.http.send(request)
    assert answer.text in ("index.html", "x/y.js") or answer.status_code >= 400, path
    assert "for nobody" not in answer.text
    assert "<ListBucketResult" not in answer.text


def test_a_stranger_writes_nothing_to_the_site(learner: Lab, storage: Storage, site: str) -> None:
    before = everything(storage)
    for method in ("PUT", "POST", "DELETE"):
        answer = learner.http.request(method, f"{site}/index.html", content=b"harm")
        assert answer.status_code in (400, 403, 405), method
    assert everything(storage) == before


def test_events_of_a_bucket_are_told_while_a_block_runs(storage: Storage, bucket: str) -> None:
    storage.s3.put_object(bucket, "earlier", BytesIO(b"x"), 1)
    with storage.events(bucket) as events:
        storage.s3.put_object(bucket, "a b/é%20.txt", BytesIO(b"hello"), 5)
        storage.s3.get_object(bucket, "a b/é%20.txt").close()
        storage.s3.remove_object(bucket, "a b/é%20.txt")
        events.wait_for(3)
    told = [(each.what, each.name) for each in events]
    assert told == [(what, "a b/é%20.txt") for what in ("stored", "read", "removed")]
    assert next(iter(events)).size == 5
    storage.s3.remove_object(bucket, "earlier")
    assert len(list(events)) == 3


def test_events_of_no_bucket_are_an_error(storage: Storage) -> None:
    with pytest.raises(LabError, match="the events of bucket nothing cannot be had") as refused:
        storage.events("nothing").__enter__()
    assert "NoSuchBucket" in refused.value.seen
