"""lab_helpers.openid: from page to page, on a server of the test's own"""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from lab_helpers import LabError
from lab_helpers.openid import Visitor, given

FORM = """<html><title> Who are you? </title><form action="/in?a=1&amp;b=2" method="post">
<input name="hidden" value="kept"><input name="username" value=""><input type="submit"></form>"""


class Pages(BaseHTTPRequestHandler):
    """Some pages that lead to each other."""

    def do_GET(self) -> None:
        sent = {"/": "/next?code=secret", "/next": "/form", "/circle": "/circle"}
        target = sent.get(self.path.partition("?")[0], "")
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Set-Cookie", "seen=secret; Path=/; HttpOnly; SameSite=Lax")
        self.send_header("Set-Cookie", "old=; Max-Age=0")
        self.end_headers()
        self.wfile.write(FORM.encode() if self.path == "/form" else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {body.decode()} {self.headers['Cookie']}".encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    somebody = Visitor()
    yield somebody
    somebody.close()


def test_the_way_is_shown_without_what_is_secret(address: str, visitor: Visitor) -> None:
    visitor.get(address)
    assert [(each.path, each.given, each.status) for each in visitor.hops] == [
        ("/", (), 302), ("/next", ("code",), 302), ("/form", (), 200),
    ]  # fmt: skip
    assert visitor.hops[0].cookies == ("seen (HttpOnly, SameSite=Lax)", "old (removed)")
    assert "secret" not in f"{visitor.table()}{visitor!r}"
    assert visitor.title == "Who are you?"


def test_a_form_is_sent_with_all_its_fields(address: str, visitor: Visitor) -> None:
    visitor.get(f"{address}/form")
    answer = visitor.fill_in(username="nora & co", password="p w")  # noqa: S106
    assert answer.text == "/in?a=1&b=2 hidden=kept&username=nora+%26+co&password=p+w seen=secret"


def test_a_page_where_nobody_answers_is_not_opened(address: str, visitor: Visitor) -> None:
    answer = visitor.get(address, stop=f"{address}/next")
    assert given(answer.headers["location"]) == {"code": "secret"}
    assert len(visitor.hops) == 1


def test_a_circle_ends(address: str, visitor: Visitor) -> None:
    with pytest.raises(LabError, match="still sent on after 12 pages"):
        visitor.get(f"{address}/circle")


def test_a_page_without_a_form_says_what_it_is(address: str, visitor: Visitor) -> None:
    visitor.get(f"{address}/plain")
    with pytest.raises(LabError, match="no form") as refused:
        visitor.fill_in()
    assert refused.value.seen == "200 at /plain"
