"""What numbers are held against: ratios of one run, and whether they are as good as promised."""

from bench.bounds.bound import Bound, Judgement, Term, number
from bench.bounds.files import FILES
from bench.bounds.pages import PAGES
from bench.bounds.verifying import VERIFYING

BOUNDS = (*PAGES, *FILES, *VERIFYING)

__all__ = ["BOUNDS", "Bound", "Judgement", "Term", "number"]
