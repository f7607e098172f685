"""Functions from a template to their removal, on a real OpenFaaS"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import Lab, LabError, UsageError, course, load, stack
from lab_helpers._config import settings
from lab_helpers._files import remove_tree
from lab_helpers.course import LABEL, Chapter
from lab_helpers.openfaas.folders import Folders
from lab_helpers.openfaas.workflow import OpenFaaS

from .support import command
from .test_learners import close

OPENFAAS = "openfaas"
CHAPTER = Chapter(Path("77-a-chapter-of-the-tests.ipynb"))
SAYS = 'def handle(event, context):\n    return {{"statusCode": 200, "body": "{0}"}}\n'


@pytest.fixture(scope="module", autouse=True)
def _openfaas(lab: Lab) -> None:  # noqa: ARG001 - the cluster must be there
    command("enable", OPENFAAS, timeout=300)


@pytest.fixture(scope="module")
def learners(lab: Lab) -> Iterator[list[Lab]]:
    """Two learners that nobody else is, and nothing of them afterwards.

    So a test need not remove its function, and wait until it has drained.
    """
    both = [
        Lab(lab.connection, chapter=CHAPTER.number, learner=f"{name}{secrets.token_hex(3)}")
        for name in ("fay", "gus")
    ]
    yield both
    for each in both:
        lab.delete("namespace", each.openfaas().namespace)
        remove_tree(Folders.of(each.learner).own)
        remove_tree(settings().build / "manifests" / each.learner)
        close(each)


@pytest.fixture
def faas(learners: list[Lab]) -> OpenFaaS:
    return learners[0].openfaas()


def write(faas: OpenFaaS, name: str, handler: str, **changes: Any) -> None:
    """A function of one's own with this code, and these changes of what its stack.yml says."""
    folder = faas._folders.new(name, "python3-http", chapter=CHAPTER.number, exist_ok=True)
    (folder / "handler.py").write_text(handler)
    said = stack.load(folder / stack.FILE).functions[name]
    changed = said.model_copy(update=changes)
    stack.Stack(functions={name: changed}).save(folder / stack.FILE)


def pods(lab: Lab, faas: OpenFaaS, name: str) -> list[str]:
    return lab.ready_pods(faas.namespace, f"faas_function={name}")


def test_a_function_goes_from_a_template_to_an_answer(
    faas: OpenFaaS, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    faas.new("greet", "python3-http")
    assert faas.up("greet") == faas.url("greet")
    answer = faas.invoke("greet")
    assert (answer.status_code, answer.text) == (200, "Hello from OpenFaaS!")
    told = [line.split(" -f ")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        "$ faas-cli new greet --lang python3-http",
        "$ faas-cli build",
        "$ faas-cli push",
        "$ faas-cli deploy",
        f"$ faas-cli invoke greet -n {faas.namespace}",
    ]
    before = pods(lab, faas, "greet")
    began = time.monotonic()
    faas.build("greet")
    assert time.monotonic() - began < 2, "nothing has changed"
    faas.up("greet")
    assert pods(lab, faas, "greet") == before


def test_a_function_that_is_built_answers_soon(faas: OpenFaaS) -> None:
    write(faas, "soon", SAYS.format("soon"))
    faas.build("soon")
    began = time.monotonic()
    faas.push("soon")
    faas.deploy("soon")
    assert faas.invoke("soon").text == "soon"
    took = time.monotonic() - began
    print(f"from a built function to its first answer: {took:.1f} s")


def test_from_a_deployment_on_every_answer_is_the_new_one(faas: OpenFaaS) -> None:
    for word in ("one", "two"):
        write(faas, "changing", SAYS.format(word))
        faas.up("changing")
        said = {faas.invoke("changing", quiet=True).text for _ in range(50)}
        assert said == {word}


def test_the_courses_functions_are_found(faas: OpenFaaS) -> None:
    faas.up("hello-python")
    answer = faas.invoke("hello-python", {"a": 1})
    assert answer.json() == {"status": 'Received input: {"a": 1}'}
    assert faas.invoke("hello-python", "no JSON").status_code == 400
    assert faas.invoke("hello-python", method="GET", path="/elsewhere").status_code == 404


def test_code_that_cannot_be_compiled_is_not_deployed(faas: OpenFaaS) -> None:
    write(faas, "wrong", "def handle(event, context):\n    return ]\n")
    with pytest.raises(LabError) as refused:
        faas.up("wrong")
    assert "handler.py" in refused.value.seen
    assert "line 2" in refused.value.seen
    assert "wrong" not in faas.list().names


def test_a_function_that_ends_says_why_and_the_one_before_goes_on(faas: OpenFaaS) -> None:
    write(faas, "shaky", SAYS.format("firm"))
    faas.up("shaky")
    write(faas, "shaky", "raise ValueError('there is no such thing')\n")
    with pytest.raises(LabError, match="it ends again and again") as refused:
        faas.up("shaky")
    assert "ValueError: there is no such thing" in refused.value.seen
    assert faas.invoke("shaky").text == "firm"
    assert "there is no such thing" in faas.describe("shaky").trouble
    faas.remove("shaky")


def test_an_image_that_nobody_pushed_is_said_to_be_missing(faas: OpenFaaS) -> None:
    write(faas, "unpushed", SAYS.format(secrets.token_hex(8)))
    faas.build("unpushed")
    with pytest.raises(LabError, match=r"image .*lab/unpushed:latest-\w+ is not in the reg") as no:
        faas.deploy("unpushed")
    assert no.value.remedy.startswith("faas.push('unpushed')")
    assert "unpushed" not in faas.list().names
    faas.push("unpushed")
    faas.deploy("unpushed")


def test_an_image_that_cannot_be_pulled_is_said_to_be_the_trouble(faas: OpenFaaS) -> None:
    image = "localhost:32000/lab/no-such-image:v1"
    write(faas, "elsewhere", SAYS.format("x"), image=image.replace("localhost:", "127.0.0.1:"))
    began = time.monotonic()
    with pytest.raises(LabError, match=r"its image .* cannot be pulled"):
        faas.deploy("elsewhere")
    assert time.monotonic() - began < 40
    described = faas.describe("elsewhere")
    assert not described.ready
    assert "no-such-image" in described.trouble
    faas.remove("elsewhere")


def test_a_secret_is_kept_changed_and_read_as_a_file(faas: OpenFaaS, lab: Lab) -> None:
    reads = 'def handle(event, context):\n    return open("/var/openfaas/secrets/word").read()\n'
    write(faas, "reader", reads, secrets=("word",))
    with pytest.raises(LabError, match="reader is not deployed") as refused:
        faas.up("reader")
    assert "word" in refused.value.seen
    assert refused.value.remedy.startswith("faas.secret('word', value)")
    faas.secret("word", "pssst")
    faas.deploy("reader")
    assert faas.invoke("reader").text == "pssst"
    faas.secret("word", b"\xf0\x9f\xa4\xab")
    faas.remove("reader")
    faas.deploy("reader")
    assert faas.invoke("reader").text == "\N{FACE WITH FINGER COVERING CLOSED LIPS}"
    labels = lab.get("secret", "word", namespace=faas.namespace)["metadata"]["labels"]
    assert labels[LABEL] == CHAPTER.number
    faas.remove("reader")
    faas.remove_secret("word")
    with pytest.raises(LabError, match="refuses DELETE secrets"):
        faas.remove_secret("word")


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"limits": stack.Resources(memory="lots")}, "lots"),
        ({"image": "no image at all"}, "no image at all"),
        ({"labels": {"not a label": "x"}}, "not a label"),
    ],
    ids=["limit", "image", "label"],
)  # fmt: skip
def test_what_the_gateway_refuses_is_said(
    faas: OpenFaaS, changes: dict[str, Any], seen: str
) -> None:
    # An image of somebody else's need not be pushed before.
    write(faas, "refused", SAYS.format("x"), **{"image": "ghcr.io/lab/x:v1", **changes})
    with pytest.raises(LabError, match="refused is not deployed") as refused:
        faas.deploy("refused")
    assert seen in refused.value.seen
    assert "refused" not in faas.list().names


def test_what_a_function_prints_is_read_and_followed(faas: OpenFaaS) -> None:
    echo = "def handle(event, context):\n    print('heard', event.body.decode(), flush=True)\n"
    write(faas, "echo", echo + "    return 'ok'\n")
    faas.up("echo")
    faas.invoke("echo", "one")
    lines = faas.logs("echo", lines=5)
    assert "heard one" in [line.text for line in lines]
    assert len(lines) <= 5
    assert all(line.instance.startswith("echo-") for line in lines)
    with closing(faas.follow("echo", idle=5)) as followed:
        faas.invoke("echo", "two", quiet=True)
        assert next(each.text for each in followed if "heard" in each.text) == "heard two"
    assert [each.text for each in faas.follow("echo", idle=0.5)] == []
    heard = [line.text for line in faas.logs("echo", since=3600) if "heard" in line.text]
    assert heard == ["heard one", "heard two"]
    assert faas.logs("echo", since=0) == ()
    with pytest.raises(LabError, match="no function nobody is deployed"):
        faas.logs("nobody")


def test_a_call_is_queued_and_its_answer_posted_to_another_function(
    faas: OpenFaaS, lab: Lab
) -> None:
    hears = (
        "def handle(event, context):\n"
        "    print('told', event.headers['X-Call-Id'], event.body.decode(), flush=True)\n"
        "    return 'ok'\n"
    )
    write(faas, "listener", hears)
    write(faas, "worker", SAYS.format("done"))
    faas.up("listener")
    faas.up("worker")
    call = faas.invoke_async("worker", "do it", callback="listener")

    def told() -> bool:
        return any(f"told {call} done" == line.text for line in faas.logs("listener", lines=5))

    lab.wait_until("the callback to be made", told, timeout=30)


def test_a_function_is_scaled_up_to_zero_and_woken_by_a_call(faas: OpenFaaS, lab: Lab) -> None:
    write(faas, "crowd", SAYS.format("here"))
    faas.up("crowd")
    faas.scale("crowd", 3)
    assert len(pods(lab, faas, "crowd")) == 3
    # More than once, as the gateway remembers for a moment that there was a pod.
    for _ in range(3):
        faas.scale("crowd", 0)
        assert pods(lab, faas, "crowd") == []
        began = time.monotonic()
        assert faas.invoke("crowd").text == "here"
        print(f"from zero: {time.monotonic() - began:.2f} s")


def test_a_function_is_listed_described_and_removed(faas: OpenFaaS, lab: Lab) -> None:
    write(faas, "known", SAYS.format("x"), environment={"A": "1"})
    assert "known" not in faas.list().names
    faas.up("known")
    faas.invoke("known")
    assert "known" in faas.list().names
    described = faas.describe("known")
    assert described.ready
    assert not described.trouble
    assert described.url == faas.url("known")
    assert "A=1" in described.text()
    faas.remove("known")
    assert "known" not in faas.list().names
    assert lab.get("pods", namespace=faas.namespace, selector="faas_function=known")["items"] == []
    for ask in (faas.describe, faas.remove):
        with pytest.raises(LabError, match="no function known is deployed"):
            ask("known")


def test_calls_are_counted_timed_and_drawn(faas: OpenFaaS, lab: Lab) -> None:
    write(faas, "counted", SAYS.format("x"))
    faas.up("counted")
    began = time.monotonic()

    def call(count: int, counted: int) -> None:
        sent = load.hammer(lab.http, faas.url("counted"), count=count, clients=4)
        assert sent.lost == 0, sent.text()
        lab.wait_until(f"{counted} calls to be counted",
                       lambda: faas.metrics("counted").calls == counted, timeout=30)  # fmt: skip

    # A rate is of what has grown, and what Prometheus sees first has not.
    call(1, 1)
    call(60, 61)
    seconds = time.monotonic() - began + 10
    rates = faas.rates("counted", seconds)
    assert set(rates) == {"200"}
    assert max(value for _, value in rates["200"]) > 1
    assert all(0 <= at <= seconds for at, _ in rates["200"])
    half, most = (faas.latency("counted", [each], seconds) for each in (50, 99))
    assert 0 < half["50 %"][-1][1] <= most["99 %"][-1][1]
    lab.wait_until("its pod to be counted",
                   lambda: faas.replicas("counted", 5)["replicas"][-1:], timeout=30)  # fmt: skip
    assert faas.replicas("counted", 5)["replicas"][-1][1] == 1
    with pytest.raises(LabError, match="Prometheus refuses"):
        faas.prometheus.instant("rate(")


def test_learners_have_functions_of_the_same_name(learners: list[Lab]) -> None:
    both = [each.openfaas() for each in learners]
    for each in both:
        write(each, "mine", SAYS.format(each.namespace))
        each.up("mine")
    for each in both:
        assert each.invoke("mine").text == each.namespace
    both[0].remove("mine")
    assert "mine" in both[1].list().names
    assert both[1].invoke("mine").status_code == 200


def test_a_reset_takes_the_functions_of_one_chapter(
    learners: list[Lab], lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    faas = learners[0].openfaas()
    later = Lab(lab.connection, chapter="78", learner=learners[0].learner)
    other = later.openfaas()
    write(faas, "goes", SAYS.format("x"))
    write(other, "stays", SAYS.format("x"))
    faas.up("goes")
    other.up("stays")
    faas.secret("goes-too", "x")
    other.secret("stays-too", "x")
    monkeypatch.setenv("LAB_LEARNER", learners[0].learner)
    settings.cache_clear()
    course.reset(lab.connection, CHAPTER)
    monkeypatch.undo()
    settings.cache_clear()
    assert faas.list().names == ("stays",)
    left = lab.get("deployments,services,secrets", namespace=faas.namespace)["items"]
    assert {each["metadata"]["name"] for each in left} == {"stays", "stays-too"}
    other.clean_up()
    close(later)


def test_a_clean_up_leaves_nothing_of_a_learner(learners: list[Lab], lab: Lab) -> None:
    faas = learners[0].openfaas()
    write(faas, "last", SAYS.format("x"))
    faas.up("last")
    faas.secret("last-one", "x")
    faas.clean_up()
    there = [each["metadata"]["name"] for each in lab.get("namespaces")["items"]]
    assert faas.namespace not in there
    assert faas.list().names == ()
    faas.clean_up()


def test_without_openfaas_it_is_said_what_to_do(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab_helpers.openfaas.access.SYSTEM", "nowhere")
    with pytest.raises(LabError, match="OpenFaaS is not on this cluster") as missing:
        lab.openfaas()
    assert "enable" in missing.value.remedy


def test_somebody_elses_image_is_not_pushed(faas: OpenFaaS) -> None:
    write(faas, "figlet", SAYS.format("x"), image="ghcr.io/openfaas/figlet:latest")
    with pytest.raises(UsageError, match="not ours to push"):
        faas.push("figlet")
