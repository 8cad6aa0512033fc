"""The commands of `footnote`, one module per area."""
