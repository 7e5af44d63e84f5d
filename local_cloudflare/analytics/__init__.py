"""The GraphQL Analytics API, with what the edge of this machine really counted."""
