"""PostgreSQL: proved backups, restores beside the live database, exact loss, swaps with a way back."""
