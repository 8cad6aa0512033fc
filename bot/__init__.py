"""Footnote in Slack, and only that; what it knows is in `knowledge`."""
