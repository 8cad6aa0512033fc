"""The methods of Slack's Web API that the sandbox answers, one module per family."""

from bot.sandbox.methods import agents, basics, chat, conversations, streams, users, views
from bot.sandbox.methods.method import Method

FAMILIES = (agents, basics, chat, conversations, streams, users, views)
METHODS: dict[str, Method] = {method.name: method for family in FAMILIES for method in family.METHODS}

__all__ = ["METHODS", "Method"]
