"""A connector: calls functions of OpenFaaS that ask for it by an annotation.

`main.py cron` calls them on a schedule, `main.py nats` for messages. It ends on SIGTERM, after
what is under way.
"""

import sys

from connector.running import run

run(sys.argv[1:])
