"""The gateway's keys: making, showing and replacing them. Nothing here signs a report; `agent.publish` does."""
