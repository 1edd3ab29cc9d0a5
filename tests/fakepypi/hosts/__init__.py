"""What the two hosts answer, as PyPI does."""
