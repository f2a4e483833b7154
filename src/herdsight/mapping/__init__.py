"""Mapping files: what a user says of the logs of a product that is not known, read and proposed."""
