"""The errors a user can cause. Each message is one sentence: what was expected, what was found, what to do."""


class PipelineError(Exception):
    """Base of every error that the command line shows as one sentence instead of a traceback."""


class ConfigError(PipelineError):
    """A setting, an option or a service's address is wrong."""


class SchemaError(PipelineError):
    """A message, a capture, a topic or a table does not have the expected form."""


class ArtifactError(PipelineError):
    """A model artifact is broken, or does not fit this version of the software."""
