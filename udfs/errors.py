"""The errors that are no bug. Each message is one sentence: `Expected X, found Y: do Z`.

Any other exception is a bug, and shows its traceback.
"""


class PipelineError(Exception):
    """Base of every error that the command line shows as one sentence instead of a traceback.

    It is raised itself where a service answers that it cannot do what it was asked for, and its own words say why.
    """


class ConfigError(PipelineError):
    """The user's mistake: a setting, an option, an address, a right or an installation; trying again does not help."""


class ServiceUnavailable(PipelineError):
    """A service does not answer, or not in time; it may come back."""


class SchemaError(PipelineError):
    """A message, a capture, a topic or a table does not have the expected form."""


class ArtifactError(PipelineError):
    """A model, a jar or another file of the software is broken, or does not fit this version of it."""
