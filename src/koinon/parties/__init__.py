"""Residents, households, businesses and public bodies of a town, their roles, and the vault of personal data.

Knows who stands behind an opaque party id. Knows nothing of accounts, amounts or programmes.
"""
