"""Compressed files and archives, unpacked within bounds."""
