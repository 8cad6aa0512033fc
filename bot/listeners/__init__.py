"""What the bot does when something happens in Slack: translate in, one call, translate out."""
