"""What holds of the store holds on both databases."""

from __future__ import annotations

import pytest

from knowledge import Settings


@pytest.fixture
def settings(on_both: Settings) -> Settings:
    return on_both
