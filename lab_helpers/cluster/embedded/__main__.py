"""What needs root, as a program of its own that sudo starts."""

from __future__ import annotations

import os
import sys

from ..._config import settings
from ..._exceptions import LabError
from .provider import OPERATIONS


def main() -> int:
    os.umask(0o022)
    try:
        OPERATIONS[sys.argv[1]](settings().name)
    except LabError as failed:
        print(failed, file=sys.stderr)
        return failed.exit_code
    except OSError as refused:
        print(refused, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
