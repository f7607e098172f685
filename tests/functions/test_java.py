"""functions/templates/java17 and functions/hello-java: what is particular to Java"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_helpers import functions
from lab_helpers._exec import run
from lab_helpers._files import write
from lab_helpers.functions import Function

from .conftest import Server, Start, entered
from .http import ask, exchange, request
from .made import made

HEAD = "package com.openfaas.function;\nimport com.openfaas.model.*;\n"
HANDLER = (
    HEAD
    + """
import java.security.KeyStore;
import java.util.Map;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

public class Handler implements IHandler {
    record Seen(String text) {}

    @Override
    public IResponse Handle(IRequest request) throws Exception {
        Response response = new Response();
        switch (request.getPathRaw()) {
            case "/null" -> { return null; }
            case "/deep" -> deep(1);
            case "/body" -> response.setBody(new Seen(request.getBody()).text());
            case "/query" -> response.setBody(request.getQuery() + " " + request.getQueryRaw());
            case "/helper" -> response.setBody(Helper.help());
            case "/trusted" -> response.setBody(String.valueOf(trusted()));
            case "/sleep" -> sleep();
            default -> {
                response.setContentType("application/json");
                response.setStatusCode(203);
                response.setBody(response.getHeader("content-type"));
            }
        }
        return response;
    }

    private static int deep(int level) {
        return deep(level + 1) + 1;
    }

    private static void sleep() throws InterruptedException {
        try {
            Thread.sleep(60_000);
        } catch (InterruptedException asked) {
            System.out.println("interrupted, after 1½ s");
            throw asked;
        }
    }

    private static int trusted() throws Exception {
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        return ((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length;
    }
}
"""
)
HELPER = HEAD + 'class Helper {\n    static String help() {\n        return "helped";\n    }\n}\n'


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Function:
    root = tmp_path_factory.mktemp("functions")
    return made(root, "java17", Handler__java=HANDLER, Helper__java=HELPER)


@pytest.fixture(scope="module")
def server(launch: Start, function: Function) -> Server:
    return launch(function, DRAIN_SECONDS="0", exec_timeout="1s500ms", LC_ALL="C")


def test_hello_greets(launch: Start) -> None:
    answer = ask(launch(functions.find("hello-java")).port, request("POST", "/", b"x"))
    assert (answer.code, answer.body) == (200, b"Hello, world!")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/body", "hi ü\ufffd".encode()),
        ("/query?a=1&a=2&b=%26&c&=d", b"{a=1, b=&, c=} a=1&a=2&b=%26&c&=d"),
        ("/helper", b"helped"),
    ],
)
def test_the_handler_is_told_about_the_request(server: Server, path: str, body: bytes) -> None:
    assert ask(server.port, request("POST", path, "hi ü".encode() + b"\xff")).body == body


def test_code_and_headers_are_the_handlers(server: Server) -> None:
    answer = ask(server.port, request("GET", "/"))
    assert (answer.code, answer.body) == (203, b"application/json")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "why"), [("/null", "the handler returned null"), ("/deep", "StackOverflowError")]
)
def test_whatever_goes_wrong_is_a_failure_and_no_end(server: Server, path: str, why: str) -> None:
    answer = ask(server.port, request("GET", path))
    assert (answer.code, answer.error) == (500, "the function failed")
    assert why in server.log.read_text()


def test_a_handler_that_takes_too_long_is_interrupted(server: Server) -> None:
    assert ask(server.port, request("GET", "/sleep")).error.endswith("longer than 1.5 s")
    # Whatever the locale, of which an image has none.
    server.wait_for("interrupted, after 1½ s")


def test_the_distributions_certificates_are_trusted(server: Server) -> None:
    assert int(ask(server.port, request("GET", "/trusted")).body) > 100


def test_a_parameter_that_is_no_text_is_a_failure(server: Server) -> None:
    assert ask(server.port, request("GET", "/query?a=%zz")).code in (400, 500)
    assert ask(server.port, request("GET", "/helper")).code == 200


def test_sources_may_be_where_maven_has_them(launch: Start, tmp_path: Path) -> None:
    function = made(tmp_path, "java17")
    place = function.folder / "src/main/java/com/openfaas/function"
    write(place / "Handler.java", HANDLER)
    write(place / "Helper.java", HELPER)
    assert ask(launch(function).port, request("GET", "/helper")).body == b"helped"


def test_what_is_compiled_is_there_without_its_source(
    function: Function, laid_out: Callable[[Function], Path]
) -> None:
    files = [file.name for file in laid_out(function).rglob("*") if file.is_file()]
    assert {"Handler.class", "Helper.class", "Server.class"} <= set(files)
    assert not [name for name in files if not name.endswith((".class", ".yml"))]


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        ("public class Handler {}\n", "cannot be cast"),
        ("class Other {}\n", "com.openfaas.function.Handler"),
        ("public class Handler extends AbstractHandler {\n    public Handler() {\n"
         '        throw new IllegalStateException("no key");\n    }\n'
         "    public IResponse Handle(IRequest request) {\n        return null;\n    }\n}\n",
         "IllegalStateException: no key"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_ends_it_at_once(
    handler: str, why: str, tmp_path: Path, laid_out: Callable[[Function], Path],
    run_program: Callable[..., Server],
) -> None:  # fmt: skip
    file = "Other__java" if "Other" in handler else "Handler__java"
    function = made(tmp_path, "java17", **{file: HEAD + handler})
    server = run_program(entered(function, laid_out(function)))
    assert server.process.wait(timeout=20) == 1
    assert why in server.wait_for("the function cannot start: ")


def test_the_archive_of_classes_is_used(function: Function) -> None:
    """With these words Java refuses to start where it cannot map the archive."""
    shown = run([*map(str, function.base.interpreter), "-Xshare:on", "--show-version", "--dry-run",
                 "-version"])  # fmt: skip
    assert "sharing" in shown


def test_it_fits_into_its_memory_while_many_send_much(launch: Start) -> None:
    """Java is told that the machine is as large as the function's limit."""
    server = launch(functions.find("hello-java"), JAVA_TOOL_OPTIONS="-XX:MaxRAM=192m")
    data = request("POST", "/", b"x" * 1_048_576)

    async def load() -> set[int]:
        return {answer.code for answer in await asyncio.gather(*(
            exchange(server.port, data) for _ in range(20)
        ))}  # fmt: skip

    for _ in range(5):
        assert asyncio.run(load()) == {200}
    assert server.peak < 192 * 1024
