#!/usr/bin/env python3
"""The operator of the container image, ``/app``: the same program as ``vmop operator``."""

import os
import sys

from vmop.cli.operator import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
