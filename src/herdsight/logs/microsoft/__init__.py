"""Exports of the tables of Sentinel, Defender and Azure."""
