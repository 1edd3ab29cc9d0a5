"""The million objects are what nginx's cache loader takes for its own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.workloads import million

if TYPE_CHECKING:
    from pathlib import Path


def test_objects_have_the_names_places_and_sizes_of_cached_files(tmp_path: Path) -> None:
    script = million.MAKE_OBJECTS
    subprocess.run([sys.executable, script, str(tmp_path / "files"), "500"], check=True)

    files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert len(files) == 500
    for path in files:
        first, second, name = path.relative_to(tmp_path / "files").parts
        assert re.fullmatch(r"[0-9a-f]{32}", name)
        assert (first, second) == (name[-1], name[-3:-1])  # levels=1:2
        assert path.stat().st_size >= 1024  # more than nginx's header of a cached file
