import pytest


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python reads its schemas in a way that Python deprecates.
    config.addinivalue_line("filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning")
