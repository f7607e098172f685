"""lab_helpers.cluster.embedded.services"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers.cluster.embedded import pki, services
from lab_helpers.cluster.embedded.node import INSIDE, Node
from lab_helpers.cluster.embedded.services import KUBERNETES, SEVEN, commands, links, write_services

NODE = Node("lab", 7, 8080, 32000)
CONNECTED = replace(NODE, egress=True)
PROGRAMS = {name: Path("/artifacts") / name for name in ("kubernetes", "etcd", "forward")}


@pytest.mark.parametrize("name", KUBERNETES)
def test_every_part_of_kubernetes_is_started_under_its_own_name(name: str) -> None:
    assert commands(NODE)[name][0] == f"{INSIDE}/bin/{name}"


def test_the_seven_and_the_way_in_make_a_node() -> None:
    assert set(commands(NODE)) == {*SEVEN, "forward"}
    assert len(SEVEN) == 7


def test_a_way_out_is_made_only_where_it_is_asked_for() -> None:
    assert set(commands(CONNECTED)) - set(commands(NODE)) == {"egress"}


def test_what_is_started_from_bin_is_linked_there() -> None:
    started = {
        Path(word).name
        for command in commands(CONNECTED).values()
        for word in command
        if word.startswith(f"{INSIDE}/bin/")
    }
    assert started == set(links(PROGRAMS))


def test_one_kubernetes_program_has_all_its_names() -> None:
    linked = links(PROGRAMS)
    assert {linked[name] for name in KUBERNETES} == {Path("/artifacts/kubernetes/kubernetes")}
    assert linked["etcd"] == Path("/artifacts/etcd/etcd")


@pytest.fixture
def folder() -> Path:
    write_services(CONNECTED)
    return NODE.folder / "services"


def test_every_service_can_be_run_and_keeps_a_log(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == set(commands(CONNECTED))
    for service in folder.iterdir():
        for script in (service / "run", service / "log/run"):
            assert os.access(script, os.X_OK), script
            assert script.read_text().startswith("#!/bin/sh\n"), script
            subprocess.run(["sh", "-n", script], check=True)


def test_a_service_script_hands_on_each_word_of_the_command(folder: Path, tmp_path: Path) -> None:
    script = (folder / "kube-apiserver/run").read_text()
    told = tmp_path / "kube-apiserver"
    told.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    told.chmod(0o755)
    here = script.replace(f"{INSIDE}/bin", str(tmp_path))
    said = subprocess.run(["sh", "-c", here], check=True, capture_output=True, text=True).stdout
    assert said.splitlines() == commands(CONNECTED)["kube-apiserver"][1:]


def test_the_way_out_is_found_on_disk() -> None:
    write_services(NODE)
    assert not services.has_egress(NODE)
    write_services(CONNECTED)
    assert services.has_egress(NODE)


def test_services_name_only_keys_that_there_are() -> None:
    pki.write_all(NODE)
    words = " ".join(word for command in commands(CONNECTED).values() for word in command)
    named = set(re.findall(rf"{INSIDE}/pki/(\S+\.(?:crt|key|pub))", words))
    assert named
    assert named <= {path.name for path in (NODE.folder / "pki").iterdir()}


def test_only_the_nodes_own_network_and_loopback_are_listened_on() -> None:
    words = [word for command in commands(CONNECTED).values() for word in command]
    assert not [word for word in words if "0.0.0.0" in word]  # noqa: S104 - to be absent
    assert f"127.0.0.1:{NODE.ingress_port}={NODE.address}:{NODE.ingress_port}" in words
