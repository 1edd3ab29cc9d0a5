"""Puts on the load that its one argument, an object of JSON, describes, and prints what came."""

import json
import sys
from dataclasses import asdict

from bench.downloads.client import put_on
from bench.downloads.load import Load

sys.stdout.write(json.dumps(asdict(put_on(Load(**json.loads(sys.argv[1]))))) + "\n")
