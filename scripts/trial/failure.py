"""The one way in which a trial fails."""


class Failure(Exception):  # noqa: N818 - it is not an error of the program
    """A sentence that says what is wrong and what to do."""
