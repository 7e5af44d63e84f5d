"""Pages: projects, direct upload, deployments, rollback, and what the edge needs to serve the sites."""
