"""What reading one file may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one file may cost."""

    seconds: float = 20.0
    memory: int = 1024**3
    """Bytes of address space of the process."""
    file: int = 50 * 1024**2
    """Bytes of a file."""
    text: int = 20_000_000
    """Characters that come out of a file."""


def size(amount: int) -> str:
    """Write a number of bytes for a person."""
    return f"{amount / 1024**3:.0f} GB" if amount >= 1024**3 else f"{amount / 1024**2:.0f} MB"
