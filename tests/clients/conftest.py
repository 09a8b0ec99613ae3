"""A throng server on the built-in model, for clients that others have written."""

import pytest
from serving import serving


@pytest.fixture(scope="session")
def server():
    """Address of a running server."""
    with serving() as address:
        yield address
