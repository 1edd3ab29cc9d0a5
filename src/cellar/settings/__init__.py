"""
The settings file of an appliance: what it may say, and reading it.

The file is TOML, is rendered by the Ansible role and has no optional keys: a value that matters is
written down.
"""

from cellar.settings.reading import DEFAULT_PATH, SettingsError, read_settings
from cellar.settings.schema import (
    OFFER_ANSWERS,
    PYPI,
    STORAGE_ANSWERS,
    ApplianceSettings,
    FileRuleSettings,
    FilesSettings,
    FileZoneSettings,
    IndexSettings,
    PagesSettings,
    Settings,
    UpstreamSettings,
    host_of,
)

__all__ = [
    "DEFAULT_PATH",
    "OFFER_ANSWERS",
    "PYPI",
    "STORAGE_ANSWERS",
    "ApplianceSettings",
    "FileRuleSettings",
    "FileZoneSettings",
    "FilesSettings",
    "IndexSettings",
    "PagesSettings",
    "Settings",
    "SettingsError",
    "UpstreamSettings",
    "host_of",
    "read_settings",
]
