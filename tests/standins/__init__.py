"""Local stand-ins for the services that Footnote talks to: real servers, as strict as the services themselves."""
