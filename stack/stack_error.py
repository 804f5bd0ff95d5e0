"""The one error of the local stack."""


class StackError(Exception):
    """What a user can mend, in one sentence: what was expected, what was found, what to do."""
