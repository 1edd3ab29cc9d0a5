"""PyPI's index rewriter and the `cellar` command of the Cellar appliance."""

__version__ = "0.1.0"
