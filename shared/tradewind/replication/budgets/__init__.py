"""Budgets: what the copies of a rule may cost in a month, how fast they go, and how many a target takes at a time.

`asking` is what the copying of a key asks, and `admission` how it is answered: `account` decides whether it may go
now, `ledger` keeps what was spent and booked, `slots` who writes to a target. What has to wait is on record
(`waiting`), and the timer lets it go (`release`) in the order that `order` says.
"""
