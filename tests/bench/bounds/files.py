"""What is promised of files."""

from bench.bounds.bound import Bound, Sense, Term

_EIGHT, _HUNDRED = "cold file, 8 clients", "cold file, 100 clients"
_SLOW, _SMALL = "cold file, 100 clients, slow line", "small cold file, 20 clients"
_COPIES, _FIRST, _TOTAL = (
    "copies fetched upstream",
    "first byte, last client",
    "total / the line's own time",
)

# What was asked for twice, and a slice.
_TAIL = (2 * 65_536 + 8 * 1024 * 1024) / 1e6


def _worst(
    workload: str, metric: str, sentence: str, sense: Sense, limit: float, unit: str = ""
) -> Bound:
    words = f"{workload[0].upper()}{workload[1:]}: {sentence}, worst round"
    return Bound(words, Term(workload, "cellar", metric, "max"), None, sense, limit, unit)


def _beside(workload: str, peer: str) -> Bound:
    words = f"{workload[0].upper()}{workload[1:]}: copies that {peer} fetches"
    return Bound(words, Term(workload, peer, _COPIES), unit="copies")


FILES = (
    *(
        _worst(case, "errors", "downloads that failed", "exactly", 0)
        for case in (_EIGHT, _HUNDRED, _SLOW, _SMALL)
    ),
    *(
        _worst(case, _COPIES, "copies fetched upstream", "exactly", 1)
        for case in (_EIGHT, _HUNDRED, _SLOW, _SMALL)
    ),
    *(_beside(case, peer) for case in (_EIGHT, _SMALL) for peer in ("proxpi", "devpi")),
    *(
        _worst(case, _FIRST, "first byte of the last client", "below", 0.6, "s")
        for case in (_EIGHT, _HUNDRED)
    ),
    _worst(_SMALL, _FIRST, "first byte of the last client", "any", 0, "s"),
    *(
        _worst(case, _TOTAL, "last byte of the last client / the line's own time", "at most", 1.15)
        for case in (_EIGHT, _SLOW)
    ),
    Bound(
        "Warm file: bytes a second, cellar / the same bytes as a static file of the same nginx",
        Term("warm file", "cellar", "bytes"),
        Term("warm file", "static file", "bytes"),
    ),
    Bound(
        "Warm file without TLS: bytes a second, cellar / static file",
        Term("warm file", "cellar, without TLS", "bytes"),
        Term("warm file", "static file, without TLS", "bytes"),
    ),
    *(
        Bound(
            f"Warm file: bytes a second, cellar / {peer}",
            Term("warm file", "cellar", "bytes"),
            Term("warm file", peer, "bytes"),
        )
        for peer in ("proxpi", "devpi")
    ),
    *(
        _worst(case, "upstream bytes", "bytes fetched upstream", "at most", _TAIL, "MB")
        for case in ("cold tail", "cold tail, absolute")
    ),
    *(
        Bound(
            f"A million objects in the cache: {sentence} / with an empty cache",
            Term("million objects", "cellar", metric),
            Term("million objects", "cellar, empty cache", metric),
        )
        for sentence, metric in (
            ("nginx's start to the answer with a cached file", "start to a cached file"),
            ("nginx's start to the answer with a cached page", "start to a cached page"),
        )
    ),
    *(
        Bound(
            f"{words}: nginx's memory",
            Term("million objects", subject, "nginx's memory"),
            unit="MB",
        )
        for words, subject in (
            ("A million objects in the cache", "cellar"),
            ("An empty cache", "cellar, empty cache"),
        )
    ),
    *(
        Bound(
            f"Cold files: memory of the {unit}, peak",
            Term("cold file", "cellar", f"{unit}'s memory peak"),
            unit="MB",
        )
        for unit in ("nginx", "rewriter")
    ),
)
