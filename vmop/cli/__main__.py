"""``python -m vmop.cli`` is ``vmop``, also where the console script is not on the path."""

import sys

from vmop.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
