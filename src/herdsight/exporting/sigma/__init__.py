"""Rules in Sigma: what a query asks of single rows as detections, and what it counts of them as correlations."""
