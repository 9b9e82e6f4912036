"""Changes of the tables that Django keeps for this package."""
