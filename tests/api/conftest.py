"""Ways into a repository that the tests of the Python interface share."""

from __future__ import annotations

import pytest

import embver
from sandbox import Sandbox


@pytest.fixture
def repository(story: Sandbox) -> embver.Repository:
    return embver.Repository(story.root)
