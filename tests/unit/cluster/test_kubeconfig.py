"""lab_helpers.cluster.kubeconfig and ._foreign, with a stand-in for kubectl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_helpers import LabError, UsageError, components
from lab_helpers._config import settings
from lab_helpers._exceptions import CommandError
from lab_helpers.cluster import Provider, Status, _registry
from lab_helpers.cluster.kubeconfig import KubeconfigProvider, folder

from .conftest import StandIn

KUBECTL = ("kubectl",)
VIEW = "config view"
ON_THIS_MACHINE = "https://127.0.0.1:6443"


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say something about the cluster, as options do."""

    def said(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"LAB_{name.upper()}", value)
        settings.cache_clear()

    return said


@pytest.fixture
def cluster(
    stand_in: StandIn, say: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """A context ``one`` in the kubeconfig; kubectl answers as is told."""

    def make(server: str = ON_THIS_MACHINE, /, **answers: str) -> None:
        content = kubeconfig("one", server)
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
        stand_in.play("none", KUBECTL)
        named = {name.replace("_", " "): answer for name, answer in answers.items()}
        stand_in.say(kubectl={VIEW: yaml.safe_dump(content), **named})

    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    say(context="one")
    make()
    return make


def kubeconfig(context: str, server: str, **user: Any) -> dict[str, Any]:
    return {
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "current-context": context,
    }


def test_without_a_context_those_of_every_file_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(yaml.safe_dump(kubeconfig(name, ON_THIS_MACHINE)))
    (tmp_path / "empty").touch()
    files = [str(tmp_path / name) for name in ("b", "no-such-file", "empty", "a")]
    monkeypatch.setenv("KUBECONFIG", ":".join(files))
    with pytest.raises(UsageError, match="needs the name of a context") as refused:
        KubeconfigProvider()
    assert refused.value.seen.endswith("a, b")
    assert "--context" in refused.value.remedy


def test_the_usual_file_is_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError) as refused:
        KubeconfigProvider()
    assert f"{tmp_path}/.kube/config: no context at all" in refused.value.seen


@pytest.mark.parametrize("content", ["{", "[]", "words", "contexts: [1]", "contexts: {a: b}"])
def test_a_broken_kubeconfig_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "broken").write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "broken"))
    with pytest.raises(UsageError, match=f"{tmp_path}/broken"):
        KubeconfigProvider()


@pytest.mark.usefixtures("cluster")
def test_an_unknown_context_is_refused(say: Callable[..., None]) -> None:
    say(context="two")
    with pytest.raises(UsageError, match="no context 'two'") as refused:
        KubeconfigProvider().create()
    assert refused.value.seen.endswith(": one")
    assert list(settings().clusters.glob("*")) == []


@pytest.mark.usefixtures("cluster")
def test_what_is_said_is_remembered_and_can_be_said_anew(say: Callable[..., None]) -> None:
    say(domain="lab.example.org:81", registry="registry.example.org/team")
    connection = KubeconfigProvider().create()
    assert (connection.domain, connection.ingress_port) == ("lab.example.org", 81)
    assert connection.registry == connection.registry_address == "registry.example.org/team"
    assert connection.images == "built"
    say(domain="", registry="")
    assert KubeconfigProvider().connection() == connection
    say(domain="other.localhost", images="upstream")
    changed = KubeconfigProvider().create()
    assert (changed.domain, changed.ingress_port, changed.images) == (
        "other.localhost", 80, "upstream",
    )  # fmt: skip


@pytest.mark.usefixtures("cluster")
def test_on_this_machine_pages_are_at_port_80() -> None:
    connection = KubeconfigProvider().create()
    assert (connection.domain, connection.ingress_port) == ("localhost", 80)
    assert (connection.registry, connection.images) == ("", "upstream")


def test_elsewhere_it_has_to_be_said_where_pages_are(cluster: Callable[..., None]) -> None:
    cluster("https://k8s.example.org")
    with pytest.raises(UsageError, match="where this cluster serves pages") as refused:
        KubeconfigProvider().create()
    assert "https://k8s.example.org" in refused.value.seen
    assert "--domain" in refused.value.remedy


@pytest.mark.usefixtures("cluster")
def test_built_images_need_a_registry(say: Callable[..., None]) -> None:
    say(images="built")
    with pytest.raises(UsageError, match="need a registry"):
        KubeconfigProvider().create()


@pytest.mark.usefixtures("cluster")
def test_images_cannot_be_loaded_without_a_registry() -> None:
    provider = KubeconfigProvider()
    provider.create()
    provider.load_images({})
    with pytest.raises(LabError, match="no way for images") as refused:
        provider.load_images({"localhost:32000/lab/x:v1": Path("/x.tar")})
    assert "--registry" in refused.value.remedy
    provider.remove_images(["localhost:32000/lab/x:v1"])


def test_a_registry_that_is_not_reached_keeps_its_images(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nowhere = "localhost:1"
    with pytest.raises(LabError, match=f"{nowhere} does not answer") as refused:
        _registry.load({"localhost:32000/lab/x:v1": Path("/x.tar")}, nowhere)
    assert "https: " in refused.value.seen
    assert "http: " in refused.value.seen
    _registry.remove(["localhost:32000/lab/x:v1"], nowhere)
    assert "left where they are" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("question", "answer", "what"),
    [
        ("get --raw /version", '{"gitVersion": "v1.31.14"}', "v1.31.14, which is too old"),
        ("get --raw /version", '{"gitVersion": "v2.0.0"}', "no version of Kubernetes 1"),
    ],
)
def test_a_cluster_that_cannot_do_is_refused_and_not_remembered(
    cluster: Callable[..., None], stand_in: StandIn, question: str, answer: str, what: str
) -> None:
    cluster()
    stand_in.say(kubectl={question: answer})
    with pytest.raises(LabError, match=what):
        KubeconfigProvider().create()
    assert KubeconfigProvider().status() == Status("absent")
    assert not folder("one").exists()


@pytest.mark.usefixtures("cluster")
def test_a_cluster_that_does_not_answer_is_told(stand_in: StandIn) -> None:
    KubeconfigProvider().create()
    program = stand_in.folder / "kubectl"
    program.write_text(f"{program.read_text().splitlines()[0]}\nraise SystemExit('refused')\n")
    status = KubeconfigProvider().status()
    assert status == Status("broken", "refused")
    with pytest.raises(LabError, match="could not be removed") as failed:
        KubeconfigProvider().delete()
    assert str(folder("one")) in failed.value.remedy
    assert KubeconfigProvider().connection().kubeconfig.exists()


@pytest.mark.usefixtures("cluster")
def test_a_user_who_may_not_is_told_what(stand_in: StandIn) -> None:
    program = stand_in.folder / "kubectl"
    refusing = "import sys\nif 'can-i' in sys.argv: sys.exit('no')\n"
    shebang, _, rest = program.read_text().partition("\n")
    program.write_text(f"{shebang}\n{refusing}{rest}")
    with pytest.raises(LabError, match="may not create namespaces") as refused:
        KubeconfigProvider().create()
    assert refused.value.seen == "no"


def test_what_it_lacks_is_said(
    cluster: Callable[..., None], say: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    say(domain="localhost:1")
    cluster(
        get_StorageClass='{"items": []}',
        get_IngressClass='{"items": [{"metadata": {"name": "nginx"}}]}',
    )
    KubeconfigProvider().create()
    told = capsys.readouterr().err
    assert "missing: any StorageClass" in told
    assert "missing: a default IngressClass" in told
    assert "there are nginx" in told
    assert "missing: an answer at http://NAME.localhost:1 " in told
    status = KubeconfigProvider().status()
    assert status.state == "running"
    assert "without any StorageClass" in status.detail


@pytest.mark.usefixtures("cluster")
def test_programs_beside_the_kubeconfig_are_found_from_elsewhere(
    stand_in: StandIn, tmp_path: Path
) -> None:
    user = {"exec": {"command": "./bin/login", "args": ["./x"]}, "tokenFile": "token"}
    content = kubeconfig("one", ON_THIS_MACHINE, **user)
    stand_in.say(kubectl={VIEW: yaml.safe_dump(content)})
    kept = yaml.safe_load(KubeconfigProvider().create().kubeconfig.read_text())
    (found,) = kept["users"]
    assert found["user"] == {
        "exec": {"command": str(tmp_path / "bin/login"), "args": ["./x"]},
        "tokenFile": str(tmp_path / "token"),
    }


@pytest.mark.usefixtures("cluster")
def test_a_program_on_the_path_is_left_to_the_path(stand_in: StandIn) -> None:
    content = kubeconfig("one", ON_THIS_MACHINE, exec={"command": "aws"})
    stand_in.say(kubectl={VIEW: yaml.safe_dump(content)})
    kept = yaml.safe_load(KubeconfigProvider().create().kubeconfig.read_text())
    assert kept["users"][0]["user"] == {"exec": {"command": "aws"}}


@pytest.mark.usefixtures("cluster")
def test_stop_says_whose_it_is(capsys: pytest.CaptureFixture[str], stand_in: StandIn) -> None:
    KubeconfigProvider().stop()
    assert "not the course's to stop" in capsys.readouterr().err
    assert stand_in.asked_kubectl == []


@pytest.mark.usefixtures("cluster")
def test_what_was_never_taken_up_has_nothing_to_remove(stand_in: StandIn) -> None:
    KubeconfigProvider().delete()
    assert not any("delete" in each for each in stand_in.asked_kubectl)
    with pytest.raises(LabError, match="not connected") as refused:
        KubeconfigProvider().connection()
    assert refused.value.remedy == "./lab up --cluster kubeconfig --context one"


@pytest.mark.usefixtures("cluster")
def test_components_are_disabled_before_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {"database": (), "functions": ("serving",), "serving": ()}
    enabled = dict.fromkeys([*needs, "of-a-later-course"])
    disabled: list[str] = []

    def disable(_: Provider, name: str) -> None:
        assert not any(name in needs[each] for each in enabled if each in needs)
        del enabled[name]
        disabled.append(name)

    class Declared:
        def __init__(self, name: str) -> None:
            self.needs = needs[name]

    for name, stand in {"enabled": lambda _: dict(enabled), "names": lambda: [*needs],
                        "declaration": Declared, "disable": disable}.items():  # fmt: skip
        monkeypatch.setattr(components, name, stand)
    provider = KubeconfigProvider()
    provider.create()
    provider.delete()
    assert disabled == ["database", "functions", "serving"]


@pytest.mark.usefixtures("cluster")
def test_logs_are_of_the_courses_namespaces_only(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.say(kubectl={"cluster-info dump": "", "get events": "an event"})
    provider = KubeconfigProvider()
    provider.create()
    provider.collect_logs(tmp_path / "out")
    (dump,) = [each for each in stand_in.asked_kubectl if each.startswith("cluster-info")]
    assert "--namespaces=first-steps,ana-first-steps,lab-course" in dump
    assert (tmp_path / "out" / "events.txt").read_text().count("an event") == 3
    assert "token" not in "".join(p.name for p in (tmp_path / "out").rglob("*"))


def test_contexts_of_clouds_have_folders_of_their_own() -> None:
    names = ["arn:aws:eks:eu-west-1:1:cluster/a", "arn:aws:eks:eu-west-1:1:cluster-a", "../..", "Ä"]
    folders = {folder(name) for name in names}
    assert len(folders) == len(names)
    assert {each.parent for each in folders} == {settings().clusters}


@pytest.mark.usefixtures("cluster")
def test_a_refusal_names_the_command(stand_in: StandIn) -> None:
    stand_in.play("none", KUBECTL)
    (stand_in.folder / "kubectl").write_text("#!/bin/sh\necho '{\"clientVersion\": "
                                             "{\"gitVersion\": \"v1.36.0\"}}'\n"
                                             "[ \"$1\" = version ] || exit 3\n")  # fmt: skip
    with pytest.raises(UsageError, match="context one cannot be used") as refused:
        KubeconfigProvider().create()
    assert isinstance(refused.value.__cause__, CommandError)
