"""Payments that a till accepts without a network, and what becomes of them afterwards."""
