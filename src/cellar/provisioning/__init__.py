"""
The checks of the Ansible side: settings before a host is touched, then the host itself.

Also completes the settings that are lists of entries, for all roles. Runs on the controller only,
inside Ansible's filter plugins: the standard library, PyYAML, cryptography and packaging, all of
which Ansible itself needs, are all it may import.
"""

from cellar.provisioning.authority import Found, authority_problems
from cellar.provisioning.completion import completed_settings
from cellar.provisioning.host import host_problems, path_and_parents
from cellar.provisioning.settings import setting_problems
from cellar.provisioning.specification import read_options

__all__ = [
    "Found",
    "authority_problems",
    "completed_settings",
    "host_problems",
    "path_and_parents",
    "read_options",
    "setting_problems",
]
