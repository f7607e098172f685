"""Components: the systems that the course teaches, switched on and off.

A component is a folder of ``manifests/components/`` with a declaration and a kustomization, and a
go.mod in ``programs/`` where there is something to pin. Adding one takes no Python.

==========================  =========================================================
``_declaration``            what a component says of itself
``_choice``                 which one it is on a kind of cluster, where several would do
``_parts``                  what is built for it
``_rendering``              its manifests, for one cluster
``_install``, ``_removal``  enable, disable
``_trial``                  its definitions, for a while
``_objects``                what of it is on a cluster
``_workloads``              waiting until they run
``_record``                 what is enabled, kept on the cluster
==========================  =========================================================
"""

from __future__ import annotations

from ._declaration import Declaration, declaration, names
from ._install import enable
from ._parts import artifacts, programs, version
from ._record import Entry, changing, enabled
from ._removal import disable
from ._trial import definitions

__all__ = [
    "Declaration", "Entry", "artifacts", "changing", "declaration", "definitions", "disable",
    "enable", "enabled", "names", "programs", "version",
]  # fmt: skip
