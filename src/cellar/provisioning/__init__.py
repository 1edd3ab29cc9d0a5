"""
The checks of the Ansible side: settings before a host is touched, then the host itself.

Runs on the controller only, inside Ansible's filter plugins: the standard library, PyYAML and
cryptography are all it may import.
"""

from cellar.provisioning.host import host_problems, path_and_parents
from cellar.provisioning.settings import setting_problems
from cellar.provisioning.specification import read_options

__all__ = ["host_problems", "path_and_parents", "read_options", "setting_problems"]
