"""D1: SQLite databases with Time Travel, over the API and as bindings at the edge."""
