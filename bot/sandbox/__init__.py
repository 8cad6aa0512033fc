"""A local Slack workspace: Web API, Events, Socket Mode and a page in the browser, for the demo and the tests."""

from bot.sandbox.application import create_sandbox
from bot.sandbox.block_kit import block_problems, view_problems
from bot.sandbox.errors import GestureError, SandboxError, SlackError
from bot.sandbox.http_transport import signature
from bot.sandbox.nouns import App, Channel, Command, Message, Team, User, UserGroup, View
from bot.sandbox.people import Person
from bot.sandbox.reach import links, pings
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.server import SandboxServer
from bot.sandbox.workspace import Workspace, default_channels, default_users

__all__ = [
    "App",
    "Channel",
    "Command",
    "GestureError",
    "Message",
    "Person",
    "Sandbox",
    "SandboxError",
    "SandboxServer",
    "SlackError",
    "Team",
    "User",
    "UserGroup",
    "View",
    "Workspace",
    "block_problems",
    "create_sandbox",
    "default_channels",
    "default_users",
    "links",
    "pings",
    "signature",
    "view_problems",
]
