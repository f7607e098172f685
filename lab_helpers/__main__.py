"""``python -m lab_helpers``: the course's command line."""

import sys

from .cli import main

sys.exit(main())
