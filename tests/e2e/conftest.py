"""The whole deployment: appliances as they were provisioned, and runners with real clients."""

from e2e.client_fixtures import client_job, first_install, news, runner_ca, wanted
from support.fixtures import (
    appliance,
    at,
    deployment,
    fakepypi,
    files,
    names,
    pages,
    project,
    published,
    pytest_runtest_makereport,
    upstream,
)

__all__ = [
    "appliance",
    "at",
    "client_job",
    "deployment",
    "fakepypi",
    "files",
    "first_install",
    "names",
    "news",
    "pages",
    "project",
    "published",
    "pytest_runtest_makereport",
    "runner_ca",
    "upstream",
    "wanted",
]
