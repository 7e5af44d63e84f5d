"""What others measure of the application: one adapter for each kind of service that is asked (docs/signals.md)."""
