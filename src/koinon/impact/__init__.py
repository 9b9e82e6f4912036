"""What each unit did: indicators, and what of them may be published.

Reads the books and the parties' public attributes; writes nothing and knows no names of people.
"""
