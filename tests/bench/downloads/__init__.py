"""
The load generator for files: many clients at once, and when each has its first and its last byte.

wrk cannot tell when a body begins. `python -m bench.downloads` connects all clients, lets them ask
in the same moment, and prints one line of JSON.
"""

from bench.downloads.load import Download, Downloads, Load

__all__ = ["Download", "Downloads", "Load"]
