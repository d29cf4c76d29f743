"""How fast the ledger does what it exists for, as ratios to floors that are measured in the same run."""
