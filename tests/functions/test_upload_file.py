"""functions/templates/python3-files, and functions/upload-file, which is made with it"""

from __future__ import annotations

import asyncio
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import functions

from .conftest import Server, Start
from .forms import BOUNDARY, Part, field, file, send, upload
from .http import ask, request
from .made import made

MEGABYTE = 1_048_576
MULTIPART = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
HANDLER = """
import os

def handle(event, context):
    return {"body": {
        "files": [[f.name, f.filename, f.content_type, f.size, f.file.read(9).decode("latin-1")]
                  for f in event.files],
        "form": event.form,
        "body": len(event.body),
        "open": len(os.listdir("/proc/self/fd")),
    }}
"""


@pytest.fixture(scope="module")
def server(launch: Start) -> Server:
    return launch(functions.find("upload-file"), DRAIN_SECONDS="0")


@pytest.fixture(scope="module")
def form(launch: Start, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A function that says what the event has."""
    root = tmp_path_factory.mktemp("functions")
    return launch(made(root, "python3-files", handler__py=HANDLER), DRAIN_SECONDS="0")


def described(name: str, content: bytes, kind: str) -> dict[str, Any]:
    digest = sha256(content).hexdigest()
    return {"name": name, "size": len(content), "sha256": digest, "content_type": kind}


def test_each_file_is_described(server: Server) -> None:
    binary = bytes(range(256)) * 1000
    answer = upload(
        server.port,
        file("file", "one.txt", b"hello\r\n--not the boundary\r\n"),
        field("note", "not a file"),
        file("file", "zwei.bin", binary, "application/x-thing"),
        file("other", "empty", b"", ""),
    )
    assert answer.code == 200
    assert answer.json == {
        "files": [
            described("one.txt", b"hello\r\n--not the boundary\r\n", "text/plain"),
            described("zwei.bin", binary, "application/x-thing"),
            described("empty", b"", "application/octet-stream"),
        ]
    }


def test_a_request_without_files_is_told_so(server: Server) -> None:
    for answer in (
        ask(server.port, request("POST", "/", b"{}", "Content-Type: application/json")),
        ask(server.port, request("POST", "/")),
        upload(server.port, field("note", "x")),
        upload(server.port),
    ):
        assert answer.code == 400
        assert answer.error


def test_other_paths_and_methods_are_refused(server: Server) -> None:
    assert upload(server.port, file("f", "f", b"x"), path="/x").code == 404
    answer = ask(server.port, request("GET", "/"))
    assert (answer.code, answer.headers["allow"]) == (405, "POST")


def test_a_hundred_megabytes_are_not_held_in_memory(server: Server) -> None:
    upload(server.port, file("file", "small", b"x"))
    before = server.peak
    answer = upload(server.port, file("file", "zeros", 100 * MEGABYTE - 1000))
    assert answer.json["files"][0]["sha256"] == sha256(bytes(100 * MEGABYTE - 1000)).hexdigest()
    # Pod limits are 128 MiB; far less is used.
    assert server.peak - before < 32_000
    assert server.peak < 100_000


def test_more_is_refused_however_it_is_sent(server: Server) -> None:
    before = server.peak
    answer = upload(server.port, file("file", "zeros", 200 * MEGABYTE))
    assert (answer.code, answer.error) == (413, "Request Entity Too Large")
    answer = upload(server.port, *(file("file", "zeros", 11 * MEGABYTE) for _ in range(10)))
    assert answer.code == 413
    assert server.peak - before < 32_000


def test_a_length_that_is_not_told_is_counted(launch: Start) -> None:
    server = launch(functions.find("upload-file"), MAX_BODY_BYTES="100000", DRAIN_SECONDS="0")
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    chunk = head.encode() + bytes(101_000)
    chunked = request("POST", "/", b"", MULTIPART, "Transfer-Encoding: chunked")
    answer = ask(server.port, chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(chunk), chunk))
    assert answer.code == 413


def test_nothing_is_left_of_a_file(form: Server) -> None:
    parts = [file("f", "f", 3 * MEGABYTE), file("g", "g", 3 * MEGABYTE)]
    first = upload(form.port, *parts).json["open"]
    for _ in range(5):
        assert upload(form.port, *parts).json["open"] == first


def test_many_upload_at_once(server: Server) -> None:
    async def crowd() -> Counter[str]:
        uploads = (send(server.port, [file("f", "f", 4 * MEGABYTE)]) for _ in range(10))
        return Counter(
            [answer.json["files"][0]["sha256"] for answer in await asyncio.gather(*uploads)]
        )

    assert asyncio.run(crowd()) == {sha256(bytes(4 * MEGABYTE)).hexdigest(): 10}
    assert server.resident < 100_000


def test_all_uploads_under_way_fit_on_tmp(launch: Start, tmp_path: Path) -> None:
    """Where they do not, the pod is ended, and with it all of them."""
    slow = "import time\ndef handle(event, context):\n    time.sleep(2)\n"
    server = launch(made(tmp_path, "python3-files", handler__py=slow), DRAIN_SECONDS="0")
    large = [file("f", "f", 95 * MEGABYTE)]

    async def crowd() -> list[int]:
        uploads = (send(server.port, large) for _ in range(2))
        return sorted([answer.code for answer in await asyncio.gather(*uploads)])

    assert asyncio.run(crowd()) == [200, 503]
    assert upload(server.port, *large).code == 200


def test_names_and_fields_are_the_callers_word(form: Server) -> None:
    said = upload(
        form.port,
        field("a", "first"), field("a", "last ü"),
        file("f", "../../etc/passwd", b"root"), file("g", "ü.txt", b"\xff\xfe", "text/x; a=b"),
    ).json  # fmt: skip
    assert said["form"] == {"a": "last ü"}
    assert said["files"] == [
        ["f", "../../etc/passwd", "text/plain", 4, "root"],
        ["g", "ü.txt", "text/x; a=b", 2, "\xff\xfe"],
    ]


def test_a_body_that_is_no_form_is_handed_on_if_it_is_short(form: Server) -> None:
    assert ask(form.port, request("POST", "/", b"x" * MEGABYTE)).json["body"] == MEGABYTE
    assert ask(form.port, request("POST", "/", b"x" * (MEGABYTE + 1))).code == 413


WRONG = {
    "no boundary": (request("POST", "/", b"x", "Content-Type: multipart/form-data"), "boundary"),
    "another boundary": (request("POST", "/", b"--other\r\n\r\n", MULTIPART), "form"),
    "no end": (
        request("POST", "/", f"--{BOUNDARY}\r\nContent-Disposition: form-da".encode(), MULTIPART),
        "end is missing",
    ),
    "half a file": (
        request(
            "POST", "/",
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nhalf'
            .encode(),
            MULTIPART,
        ),
        "end is missing",
    ),
    "no name": (
        request(
            "POST", "/",
            f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--{BOUNDARY}--".encode(),
            MULTIPART,
        ),
        "name",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_proper_form_is_refused(form: Server, data: bytes, why: str) -> None:
    answer = ask(form.port, data)
    assert answer.code == 400
    assert why in answer.error


@pytest.mark.parametrize(
    "parts",
    [
        [field("f", "x" * 70_000)],
        [field(f"f{number}", "x") for number in range(33)],
        [file("f", f"{number}", b"x") for number in range(33)],
        [Part('name="f"', b"x", "x" * 20_000)],
        [file("f", "x" * 50_000_000, b"x")],
        [Part('name="f"\r\n' + "\r\n".join(f"A{n}: b" for n in range(20_000)), b"x")],
    ],
    ids=["long field", "many fields", "many files", "long header", "long name", "many headers"],
)
def test_what_would_take_memory_is_refused(form: Server, parts: list[Part]) -> None:
    before = form.peak
    answer = upload(form.port, *parts)
    assert answer.code == 400
    assert "the form cannot be read" in answer.error
    assert form.peak - before < 8_000


def test_a_full_disk_is_told(launch: Start, tmp_path: Path) -> None:
    """The write that fails is made up: a full file system takes one that may be filled."""
    function = made(tmp_path, "python3-files", handler__py=LIMITED)
    server = launch(function, DRAIN_SECONDS="0")
    answer = upload(server.port, file("f", "f", 4 * MEGABYTE))
    assert (answer.code, answer.error) == (507, "there is no room for the files")
    assert upload(server.port, file("f", "f", 1000)).code == 200


LIMITED = """
import errno
import tempfile

class Full(tempfile.SpooledTemporaryFile):
    def write(self, data):
        if self.tell() > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)

from starlette import formparsers
formparsers.SpooledTemporaryFile = Full

def handle(event, context):
    return "OK"
"""


@hypothesis_settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300), st.booleans())
def test_no_form_makes_it_fail(form: Server, noise: bytes, begins: bool) -> None:
    body = (f"--{BOUNDARY}\r\n".encode() if begins else b"") + noise
    assert ask(form.port, request("POST", "/", body or b"x", MULTIPART)).code in (200, 400)
    assert "Traceback" not in form.log.read_text()
