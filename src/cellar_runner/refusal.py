"""How the program says no."""


class Refusal(Exception):
    """What cannot be done, in one sentence that names what is wrong and where; nothing was changed."""
