"""User flows: what users do, declared as data, tried against the application, and cleaned up."""
