"""What is promised of project pages."""

from bench.bounds.bound import Bound, Term

PAGES = (
    Bound(
        "Warm page: pages a second, cellar / the same bytes as a static file of the same nginx",
        Term("warm page", "cellar", "pages"),
        Term("warm page", "static file", "pages"),
        "at least",
        0.85,
    ),
    Bound(
        "Warm page: pages a second, cellar / proxpi",
        Term("warm page", "cellar", "pages"),
        Term("warm page", "proxpi", "pages"),
        "at least",
        150,
    ),
    Bound(
        "Warm page: pages a second, static file / proxpi: what TLS alone leaves room for",
        Term("warm page", "static file", "pages"),
        Term("warm page", "proxpi", "pages"),
    ),
    Bound(
        "Warm page: pages a second, cellar / devpi",
        Term("warm page", "cellar", "pages"),
        Term("warm page", "devpi", "pages"),
    ),
    Bound(
        "Cold page: time added to upstream's own, proxpi / cellar",
        Term("cold page", "proxpi", "adds"),
        Term("cold page", "cellar", "adds"),
        "at least",
        3,
    ),
    Bound(
        "Cold page: the rewriter's processor time",
        Term("cold page", "cellar", "rewriter's processor time"),
        sense="below",
        limit=60,
        unit="ms",
    ),
    Bound(
        "Burst of cold pages: clients without a page, worst round",
        Term("burst", "cellar", "errors", "max"),
        sense="exactly",
    ),
    Bound(
        "Burst of cold pages: the rewriter's memory peak, worst round",
        Term("burst", "cellar", "rewriter's memory peak", "max"),
        sense="below",
        limit=300,
        unit="MB",
    ),
    Bound(
        "Burst of cold pages: the slowest answer, worst round",
        Term("burst", "cellar", "slowest answer", "max"),
        unit="ms",
    ),
    Bound(
        "Expired page, 1,000 clients at once: requests upstream, worst round",
        Term("expired page", "cellar", "requests upstream", "max"),
        sense="exactly",
        limit=1,
    ),
    Bound(
        "Expired page, 1,000 clients at once: answers other than the stale page, worst round",
        Term("expired page", "cellar", "not the stale page", "max"),
        sense="exactly",
    ),
    Bound(
        "Expired page, 1,000 clients at once: the slowest answer / that of a page still fresh",
        Term("expired page", "cellar", "slowest answer"),
        Term("expired page", "cellar, page fresh", "slowest answer"),
    ),
)
