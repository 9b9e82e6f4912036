"""Measuring: how fast payments are on this machine, what its limits are, and how peers do beside them.

Stands above the ways in, because it drives them from outside as their users do. It starts a database
of its own and touches no other.
"""
