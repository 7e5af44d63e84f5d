"""A real PostgreSQL for one machine: for the local environment, the demo, tests and benchmarks."""
