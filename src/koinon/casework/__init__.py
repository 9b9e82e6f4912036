"""What people complain about, until when they are answered, and what is written and attached on the way.

Words and documents are sealed under the key of the party they are about, so that they end with it. Knows
neither money nor what a complaint is right about: that is for people.
"""
