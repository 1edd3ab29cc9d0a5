"""
Proving that the cache holds what upstream published, and removing what is wrong.

The path of a file at PyPI is the BLAKE2b-256 of its content, so that a file proves itself; what
stands beside it is proven by the page of its project. Upstream is asked for nothing.
"""

from cellar.verifying.counted import Counted, Fill
from cellar.verifying.ledger import Ledger, LedgerError
from cellar.verifying.listed import Listed
from cellar.verifying.proofs import Outcome, Proof, Prover
from cellar.verifying.verify import Pace, Summary, verify

# The names of their files in the verifier's directory.
DATABASE = "records.sqlite"
SUMMARY = "summary.json"
COUNTED = "zones.json"

__all__ = [
    "COUNTED",
    "DATABASE",
    "SUMMARY",
    "Counted",
    "Fill",
    "Ledger",
    "LedgerError",
    "Listed",
    "Outcome",
    "Pace",
    "Proof",
    "Prover",
    "Summary",
    "verify",
]
