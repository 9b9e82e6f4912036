"""What reaches people who have no telephone that shows pages: letters, text messages, and somebody who helps.

Knows parties, cards, money and paper, and neither who looks at a page nor how a text message travels.
"""
