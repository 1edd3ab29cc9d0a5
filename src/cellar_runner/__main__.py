"""The program: a zip archive that Python runs."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 # what runs it may be any Python; it parses until here
    sys.stderr.write("cellar-runner: Python 3.11 or newer is needed, and this is older\n")
    sys.exit(2)

from cellar_runner.cli import main

sys.exit(main())
