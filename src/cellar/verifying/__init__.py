"""
Proving that the cache holds what upstream published, and removing what is wrong.

The path of a file at PyPI is the BLAKE2b-256 of its content, so that a file proves itself; what
stands beside it is proven by the page of its project. Upstream is asked for nothing.
"""

from cellar.verifying.ledger import Ledger, LedgerError
from cellar.verifying.listed import Listed
from cellar.verifying.proofs import Outcome, Proof, Prover
from cellar.verifying.verify import Pace, Summary, verify

__all__ = [
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
