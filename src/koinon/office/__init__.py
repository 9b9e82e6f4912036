"""What the town hall's own desk keeps: saved filters, remembered columns of imported lists, acts on many records at once.

Knows which records there are and how they are changed; knows no pages, and opens no personal data.
"""
