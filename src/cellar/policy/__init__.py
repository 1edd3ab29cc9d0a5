"""
The operator's policy: which files are offered and which are stored, and the index as of a day.

Pure: a rule, a file's entry on its project's page and the time go in, a verdict comes out.
"""

from cellar.policy.deciding import Policy, Shown
from cellar.policy.snapshots import as_of
from cellar.policy.storage import Storage, StoragePolicy, Storing
from cellar.policy.verdicts import Answer, Verdict

__all__ = ["Answer", "Policy", "Shown", "Storage", "StoragePolicy", "Storing", "Verdict", "as_of"]
