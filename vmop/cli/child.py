"""The operator under a parent: it ends in order when the parent does, however that ended.

The parent holds the other end of our standard input, which the system closes for it. Only the dev cluster and the demo
start the operator this way.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from vmop.cli import operator


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(operator.main(sys.argv[1:], os.environ))
