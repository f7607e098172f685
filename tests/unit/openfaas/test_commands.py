"""lab_helpers.openfaas.commands and calls: what a learner could type instead"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab_helpers.openfaas.calls import Call
from lab_helpers.openfaas.commands import command, show

URL = "http://gateway.localhost:8080/function/greet"


def typed(call: Call, *flags: str) -> str:
    address = f"{URL}/{call.path}" if call.path else URL
    return command(*call.command(address, *flags), stdin=call.stdin)


@pytest.mark.parametrize(
    ("call", "flags", "line"),
    [
        (Call("greet"), (), "faas-cli invoke greet"),
        (Call("greet", "hello"), ("--async",),
         "faas-cli invoke greet --async --header 'Content-Type: text/plain; charset=utf-8' "
         "<<< hello"),
        (Call("greet", {"a": 1}), ("-n", "ann-openfaas-fn"),
         "faas-cli invoke greet -n ann-openfaas-fn --header 'Content-Type: application/json' "
         """<<< '{"a": 1}'"""),
        (Call("greet", b"\xff\x00"), (), "faas-cli invoke greet <<< '(2 bytes)'"),
        (Call("greet", method="GET", query={"q": "a b"}), (),
         "faas-cli invoke greet --method GET --query 'q=a b'"),
        (Call("greet", "x", headers={"content-type": "text/csv"}), (),
         "faas-cli invoke greet --header 'content-type: text/csv' <<< x"),
        (Call("greet", method="GET", path="users/1"), (), f"curl -X GET {URL}/users/1"),
        (Call("greet", "x", path="users", query={"a": "b"}), (),
         "curl -H 'Content-Type: text/plain; charset=utf-8' --data-binary @- "
         f"'{URL}/users?a=b' <<< x"),
        (Call("greet", files={"file": Path("notes.txt")}), (),
         f"curl -X POST -F file=@notes.txt {URL}"),
        (Call("greet", files={"file": ("a.txt", b"a")}), (), f"curl -X POST -F file=@a.txt {URL}"),
    ],
)  # fmt: skip
def test_the_command_that_makes_the_same_call(
    call: Call, flags: tuple[str, ...], line: str
) -> None:
    assert typed(call, *flags) == line


def test_a_command_is_plain_text_where_there_is_no_terminal(capsys: Any) -> None:
    show("faas-cli", "secret", "create", "key", "--from-literal", "…", stdin="a" * 500)
    line = capsys.readouterr().out
    assert line.startswith("$ faas-cli secret create key --from-literal … <<<")
    assert len(line) < 300


def sent(call: Call) -> httpx.Request:
    """The request as httpx would send it."""
    with call.request() as given:
        made = httpx.Client().build_request(call.method, URL, **given)
        made.read()
    return made


@pytest.mark.parametrize(
    ("body", "content", "kind"),
    [
        (b"\xff", b"\xff", None),
        ("grün", "grün".encode(), "text/plain; charset=utf-8"),
        ({"a": [1]}, b'{"a": [1]}', "application/json"),
        ([1, 2], b"[1, 2]", "application/json"),
    ],
)
def test_a_body_is_sent_as_what_it_is(body: Any, content: bytes, kind: str | None) -> None:
    request = sent(Call("greet", body))
    assert request.content == content
    assert request.headers.get("content-type") == kind


def test_a_content_type_that_is_given_counts() -> None:
    request = sent(Call("greet", "a,b", headers={"Content-Type": "text/csv"}))
    assert request.headers.get_list("content-type") == ["text/csv"]


def test_files_are_sent_as_a_form_and_closed_afterwards(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("remember")
    call = Call("greet", files={"one": tmp_path / "notes.txt", "two": ("b.bin", io.BytesIO(b"b"))})
    with call.request() as given:
        (_, opened) = given["files"]["one"]
        made = httpx.Client().build_request("POST", URL, **given)
        body = made.read()
    assert opened.closed
    assert b'name="one"; filename="notes.txt"' in body
    assert b"remember" in body
    assert b'name="two"; filename="b.bin"' in body
