"""lab_helpers._http, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from lab_helpers import _http


class Page(BaseHTTPRequestHandler):
    """Answers with the Host that it was asked for; some paths do what they say, too."""

    def do_GET(self) -> None:
        body = f"{self.headers['Host']} {self.headers['Cookie'] or '-'}".encode()
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/elsewhere")
        if self.path == "/cookie":
            self.send_header("Set-Cookie", "visitor=1")
        if self.path == "/secure":
            self.send_header("Set-Cookie", "session=1; Secure")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with _http.client() as opened:
        yield opened


def test_a_page_is_found_on_loopback_by_its_own_name(client: httpx.Client, port: int) -> None:
    answer = client.get(f"http://hello.localhost:{port}/")
    assert answer.text == f"hello.localhost:{port} -"


def test_pages_of_one_client_are_kept_apart(client: httpx.Client, port: int) -> None:
    names = [f"{name}.localhost:{port}" for name in ("a", "b", "a", "x.y")]
    assert [client.get(f"http://{name}/").text.split()[0] for name in names] == names


def test_other_names_are_left_alone(client: httpx.Client, port: int) -> None:
    assert client.get(f"http://127.0.0.1:{port}/").text == f"127.0.0.1:{port} -"


def test_the_answer_says_which_page_it_is_from(client: httpx.Client, port: int) -> None:
    assert client.get(f"http://hello.localhost:{port}/").url.host == "hello.localhost"


def test_a_page_gets_its_cookie_back_and_no_other_page_does(
    client: httpx.Client, port: int
) -> None:
    client.get(f"http://a.localhost:{port}/cookie")
    assert client.get(f"http://a.localhost:{port}/").text.endswith(" visitor=1")
    assert client.get(f"http://b.localhost:{port}/").text.endswith(" -")


def test_a_page_that_moved_is_followed_under_its_own_name(client: httpx.Client, port: int) -> None:
    answer = client.get(f"http://a.localhost:{port}/moved", follow_redirects=True)
    assert answer.text.startswith(f"a.localhost:{port} ")
    assert str(answer.url) == f"http://a.localhost:{port}/elsewhere"


def test_a_proxy_of_the_environment_is_not_asked(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with _http.client() as client:
        assert client.get(f"http://hello.localhost:{port}/").status_code == 200


def test_where_nobody_listens_it_is_refused(client: httpx.Client) -> None:
    with pytest.raises(httpx.ConnectError):
        client.get("http://hello.localhost:9/")


def test_a_secure_cookie_goes_back_to_loopback_and_nowhere_else_without_tls(
    client: httpx.Client, port: int
) -> None:
    client.get(f"http://hello.localhost:{port}/secure")
    assert client.get(f"http://hello.localhost:{port}/").text.endswith(" session=1")
    client.get(f"http://127.0.0.1:{port}/secure")
    assert client.get(f"http://127.0.0.1:{port}/").text.endswith(" -")
