"""What form and encoding a client gets: PyPI's rules (its CDN reduces Accept before the index)."""

from urllib.parse import unquote

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
TEXT_HTML = "text/html"

_ALIASES = {
    JSON: JSON,
    HTML: HTML,
    TEXT_HTML: TEXT_HTML,
    "application/vnd.pypi.simple.latest+json": JSON,
    "application/vnd.pypi.simple.latest+html": HTML,
}


def media_type(accept: str | None, query: str = "") -> str:
    """
    Return the simple API's media type for an Accept header and a raw query (PEP 691).

    `?format=` wins; of the known types the first with the highest q; anything else, text/html.
    """
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name == "format":
            return _ALIASES.get(unquote(value), TEXT_HTML)
    weighted = [(q, _ALIASES[name]) for name, q in _weighted(accept) if name in _ALIASES and q > 0]
    return max(weighted, key=lambda pair: pair[0], default=(0.0, TEXT_HTML))[1]


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether gzip was asked for with a q above 0 (RFC 9110 section 12.5.3)."""
    return any(name in ("gzip", "x-gzip") and q > 0 for name, q in _weighted(accept_encoding))


def _weighted(header: str | None) -> list[tuple[str, float]]:
    ranges = []
    for item in (header or "").split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            ranges.append((name, float(weight)))
        except ValueError:
            ranges.append((name, 0.0))
    return ranges
