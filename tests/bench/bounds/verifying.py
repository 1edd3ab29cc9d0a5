"""What is promised of proving the cache."""

from bench.bounds.bound import Bound, Term

_BESIDE = "verifying, warm file beside"

VERIFYING = (
    Bound(
        "Warm file: bytes a second, while the cache is verified / while it is not",
        Term(_BESIDE, "cellar, verifying", "bytes"),
        Term(_BESIDE, "cellar", "bytes"),
        "at least",
        0.95,
    ),
    Bound(
        "Verifying small files: records a second",
        Term("verifying, small files", "cellar", "records"),
        unit="1/s",
    ),
    *(
        Bound(
            f"Verifying {what}: share of one processor",
            Term(f"verifying, {what}", "cellar", "processor"),
            unit="cores",
        )
        for what in ("small files", "large files")
    ),
)
