"""How the program says no."""


class Refusal(Exception):  # noqa: N818 # it is no error of ours
    """What cannot be done, in one sentence that says what is wrong and where."""
