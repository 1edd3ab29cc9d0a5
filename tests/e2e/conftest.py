"""The whole deployment: appliances as they were provisioned, and runners with real clients."""

from e2e.client_fixtures import *  # noqa: F403 its __all__ is the list
from support.fixtures import *  # noqa: F403 likewise
