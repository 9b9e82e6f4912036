"""What somebody pays with: cards, their PINs, and what happens when one is lost.

Knows parties by their opaque ids, and neither names nor money: a card leads to its
holder, and whatever the holder has stays where it is when the card is replaced.
"""
