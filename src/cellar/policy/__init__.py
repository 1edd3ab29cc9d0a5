"""
The operator's policy: which files of the indexes are offered, and the index as of a day.

Pure: a rule, a file's entry on its project's page and the time go in, a verdict comes out.
"""

from cellar.policy.deciding import Policy, Shown
from cellar.policy.snapshots import as_of
from cellar.policy.verdicts import Answer, Verdict

__all__ = ["Answer", "Policy", "Shown", "Verdict", "as_of"]
