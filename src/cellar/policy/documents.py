"""Taking files out of a page's document without touching anything else."""

from collections.abc import Callable, Mapping
from typing import Any

from packaging.version import Version

from cellar.policy.distributions import release


def with_files(
    document: Mapping[str, Any], files: list[Any], keeps: Callable[[Version | str], bool]
) -> Mapping[str, Any]:
    """
    Return the document with other `files`.

    `versions` (PEP 700), if it is there, keeps its texts that `keeps` accepts, which is asked in
    the form of `Distribution.release`. All other keys, their order and the order of both lists
    stay. What is no text in `versions` stays too.
    """
    changed = {**document, "files": files}
    versions = document.get("versions")
    if isinstance(versions, list):
        changed["versions"] = [v for v in versions if not isinstance(v, str) or keeps(release(v))]
    return changed
