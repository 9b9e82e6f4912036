"""What residents do for their neighbourhood: registered, verified, rewarded; hours exchanged in time banks; certificates.

Knows no names: who contributed is an opaque id. Knows no cycles, no shops and no banks.
"""
