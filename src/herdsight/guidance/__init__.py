"""Guidance: what to do about a finding, what to ask about it, what else to hunt for, and how to test that it is found.

All of it is data (`content/playbooks`, `investigation`, `hunting`, `atomics`); this room says its form and reads it.
"""
