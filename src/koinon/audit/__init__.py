"""Who did what, when and why: one append-only line for every act that matters.

Knows opaque ids only; what a line is about is named by its caller.
"""
