"""What is on a cluster, all of it; and components that a test makes up."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from lab_helpers import Lab, _yaml
from lab_helpers._config import settings
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.cluster.embedded.runtime import image_digests
from lab_helpers.components._declaration import DECLARATION, declaration

KNATIVE = "knative-serving"
NEVER_THE_SAME = {
    "events", "events.events.k8s.io", "leases.coordination.k8s.io",
    "pods.metrics.k8s.io", "nodes.metrics.k8s.io",
}  # fmt: skip
_OBJECTS = Path(__file__).parent / "objects" / "component"
_LINE = "{.apiVersion} {.kind} {.metadata.namespace}/{.metadata.name} {.metadata.finalizers}"
_LINES = "jsonpath={range .items[*]}" + _LINE + '{"\\n"}{end}'


def objects(lab: Lab) -> set[str]:
    """Every object of every kind, with its finalizers, but for what the course remembers."""
    listed = lab.kubectl("api-resources", "--verbs=list", "--output=name").split()
    kinds = ",".join(kind for kind in listed if kind not in NEVER_THE_SAME)
    found = lab.kubectl("get", kinds, "--all-namespaces", "--output", _LINES).splitlines()
    remembered = ("/lab-course ", "lab-course/")
    return {line for line in found if not any(each in line for each in remembered)}


def images(name: str = "") -> set[str]:
    """The names of the images that the embedded cluster's container runtime has."""
    node = Node.load(name or settings().name)
    assert node is not None
    return set(image_digests(node))


def write_component(folder: Path, name: str, **declared: Any) -> None:
    """A component of one pod, which runs podinfo, and of one kind of its own."""
    said = {
        "title": "Made up", "chapter": "01", "licence": "Apache-2.0",
        "upstream": {"page": "https://example.org/", "status": "made up"},
        "release": "v1.0.0", "because": "it is made up",
        "images": [{"name": "lab/podinfo", "image": "podinfo", "upstream": "example.org/podinfo"}],
        **declared,
    }  # fmt: skip
    target = folder / name
    target.mkdir()
    for path in _OBJECTS.glob("*.yaml"):
        text = Template(path.read_text()).safe_substitute(name=name)
        (target / path.name).write_text(text)
    (target / DECLARATION).write_text(_yaml.dump(said))
    declaration.cache_clear()
