"""The lint of rules: a file for each check, which is found by being there."""
