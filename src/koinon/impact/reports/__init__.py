"""A period's report for those who decide and those who fund: composed once, written as a page, on paper and as tables.

Takes figures that may leave the house (``impact.disclosure``), or all of them for the town's own use; says of each which
page explains it and which command computes it again.
"""
