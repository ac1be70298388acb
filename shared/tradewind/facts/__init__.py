"""What is known of the clouds whatever a fleet says: where their regions are, and what they charge. Data, with sources.

Facts age. Each table says where it is from and as of when, and whoever shows a figure shows that beside it.
"""
