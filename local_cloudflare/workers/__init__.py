"""Workers: scripts, versions, deployments, secrets, settings, triggers."""
