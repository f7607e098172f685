"""What needs root, as a program of its own that sudo starts."""

from __future__ import annotations

import sys

from ..._config import settings
from ..._exceptions import LabError
from .provider import OPERATIONS


def main() -> int:
    try:
        OPERATIONS[sys.argv[1]](settings().name)
    except LabError as failed:
        print(failed, file=sys.stderr)
        return failed.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
