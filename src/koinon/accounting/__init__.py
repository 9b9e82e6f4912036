"""What a town must be able to show: shops' statements, the journal, the year, and that its currency stays a limited network.

Reads the books and writes records about them; it moves money only by way of payments, from the town's own till. It
knows no page and no bank file.
"""
