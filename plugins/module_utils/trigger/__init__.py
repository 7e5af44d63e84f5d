"""What makes a machine roll back: the jobs of a pipeline, and what scanners found. Pure, no network."""
