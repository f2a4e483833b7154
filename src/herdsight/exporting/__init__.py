"""Rules and findings in the formats of others: a file for each target, which is found by being there."""
