"""Whether a file is stored, once its size and the space there is are known."""

from dataclasses import replace

from cellar.index.links import Source
from cellar.policy import Storage, StoragePolicy, Storing
from cellar.web.engine import Engine, Head
from cellar.web.files.paths import is_unhashed, whole
from cellar.web.space import Space

_METADATA_ZONE = "metadata"
_METADATA_LIMIT = 16 * 2**20
# Seconds for which it is known: if the same path is the same file for ever, if it may become
# another one, if its size could not be learnt, and while there is no space.
_FRESHNESS = 30 * 86400
_UNHASHED_FRESHNESS = 600
UNKNOWN_FRESHNESS = 60
_NO_SPACE_FRESHNESS = 10
# Files up to this size are stored as long as there is any space.
_SMALL = 2**20


class Store:
    """Decides what becomes of files that clients may have."""

    def __init__(self, policy: StoragePolicy, engine: Engine, pypi: str, space: Space) -> None:
        """Prepare to decide; `pypi` is PyPI's file host (and port)."""
        self._policy = policy
        self._engine = engine
        self._pypi = pypi
        self._space = space

    async def decision(self, source: Source, path: str) -> tuple[Storage, int]:
        """Return what becomes of a file, and for how many seconds that is known."""
        if whole(source) is not source:
            return Storage(Storing.STORE, _METADATA_ZONE, _METADATA_LIMIT), _FRESHNESS
        filename = source.path.rpartition("/")[2]
        fresh = _UNHASHED_FRESHNESS if is_unhashed(path) else _FRESHNESS
        size = None
        if self._policy.has_limits:
            head = await self.head(source)
            size = head.length if head else None
            if size is None:
                fresh = UNKNOWN_FRESHNESS
        storage = self._policy.named(filename, size)
        is_large = size is None or size > _SMALL
        if storage.answer is Storing.STORE and is_large and not self._space.is_for_large_files():
            # Served if it is there, and else not stored: better than an end where the disk has one.
            return replace(storage, limit=0), _NO_SPACE_FRESHNESS
        return storage, fresh

    async def head(self, source: Source) -> Head | None:
        """Return what the file's own host says of it, None if it says nothing."""
        origin = "pypi" if source.origin == self._pypi else source.origin
        return await self._engine.head(origin, source.target)
