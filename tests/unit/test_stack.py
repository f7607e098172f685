"""lab_helpers.stack"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab_helpers import LabError, stack
from lab_helpers._config import ROOT
from lab_helpers._files import write
from lab_helpers.stack import Deployment, Resources, Stack

ALL = """
version: 1.0
provider:
  name: openfaas
  gateway: http://gateway.example.org:8080
functions:
  hello-python:
    lang: python3-http
    handler: ./hello-python
    image: localhost:32000/lab/hello-python:latest
    environment:
      exec_timeout: 60s
      debug: yes
      mode: 0755
      nothing:
    environment_file: [more.yml]
    secrets:
      - key
    labels: {com.openfaas.scale.min: 2}
    annotations: {prometheus.io.scrape: true}
    limits: {memory: 128Mi, cpu: 0.5}
    requests:
      memory: 32Mi
    constraints: ["kubernetes.io/arch=amd64"]
    readonly_root_filesystem: true
    namespace: elsewhere
  bye:
    lang: node
    handler: .
    image: bye
    environment:
"""
SHORT = "functions: {hello: {lang: node, handler: ., image: hello%s}}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stack.yml"


def complaints(path: Path, text: str) -> list[str]:
    write(path, text)
    with pytest.raises(LabError, match=r"stack\.yml") as refused:
        stack.load(path)
    return (refused.value.seen or "").splitlines()


def test_all_that_openfaas_deploys_by_is_read(path: Path) -> None:
    write(path, ALL)
    loaded = stack.load(path)
    assert loaded.provider.gateway == "http://gateway.example.org:8080"
    hello = loaded.functions["hello-python"]
    assert (hello.lang, hello.handler) == ("python3-http", "./hello-python")
    assert hello.environment_file == ("more.yml",)
    assert (hello.secrets, hello.namespace) == (("key",), "elsewhere")
    assert hello.limits == Resources(memory="128Mi", cpu="0.5")
    assert hello.requests == Resources(memory="32Mi")
    assert hello.constraints == ("kubernetes.io/arch=amd64",)
    assert hello.readonly_root_filesystem is True
    assert loaded.functions["bye"].environment == {}


def test_values_are_the_text_that_stands_there(path: Path) -> None:
    write(path, ALL)
    hello = stack.load(path).functions["hello-python"]
    assert hello.environment == {
        "exec_timeout": "60s", "debug": "yes", "mode": "0755", "nothing": "",
    }  # fmt: skip
    assert hello.labels == {"com.openfaas.scale.min": "2"}
    assert hello.annotations == {"prometheus.io.scrape": "true"}


def test_what_is_saved_is_what_was_loaded(path: Path) -> None:
    write(path, ALL)
    loaded = stack.load(path)
    loaded.save(path)
    assert stack.load(path) == loaded


def test_what_says_nothing_is_not_written(path: Path) -> None:
    hello = Deployment(lang="node", handler=".", image="hello", secrets=("key",))
    Stack(functions={"hello": hello}).save(path)
    assert yaml.safe_load(path.read_text()) == {
        "version": "1.0",
        "provider": {"name": "openfaas", "gateway": "http://gateway.localhost:8080"},
        "functions": {
            "hello": {"lang": "node", "handler": ".", "image": "hello", "secrets": ["key"]}
        },
    }


@pytest.mark.parametrize(
    ("added", "complaint"),
    [
        (", secret: [key]", "functions.hello.secret: unknown key"),
        # A Containerfile of the course runs nothing that arguments could change.
        (", build_args: {A: b}", "functions.hello.build_args: unknown key"),
        (", limits: {mem: 1Mi}", "functions.hello.limits.mem: unknown key"),
        (", secrets: key", "functions.hello.secrets: Input should be a valid tuple"),
        (", environment: [a]", "functions.hello.environment: Input should be a valid dictionary"),
        (", environment: {a: {b: c}}", "functions.hello.environment.a: Input should be a valid"),
        (", readonly_root_filesystem: some", "functions.hello.readonly_root_filesystem: Input"),
    ],
)
def test_each_wrong_key_is_named_with_its_path(path: Path, added: str, complaint: str) -> None:
    (seen,) = complaints(path, SHORT % added)
    assert seen.startswith(complaint)


def test_all_that_is_wrong_is_told_at_once(path: Path) -> None:
    text = "version: 2.0\nprovider: {name: faas}\nfunctions: {Hello_There: {lang: node}}\nx: 1"
    assert [line.partition(":")[0] for line in complaints(path, text)] == [
        "version", "provider.name", "functions.Hello_There",
        "functions.Hello_There.handler", "functions.Hello_There.image", "x",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "- a list", "functions: {}", "functions:", "word"])
def test_a_stack_without_functions_is_refused(path: Path, text: str) -> None:
    assert complaints(path, text)


def test_what_is_not_yaml_is_told_with_its_line(path: Path) -> None:
    assert any("line 2" in line for line in complaints(path, "functions:\n\t- x"))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(LabError, match=r"there is no functions/none/stack\.yml"):
        stack.load(ROOT / "functions/none/stack.yml")
