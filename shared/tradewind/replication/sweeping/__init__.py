"""Comparing the sites of a rule, whatever was announced: sweeps, backfills, and what they leave in the records.

`listing` merges the sites' listings, `examining` looks at a key at every site, `progress` is the record that remembers
how far a sweep has come, and `sweep` does a bounded piece of one. `timer` is what a site's timer does, `measures` what
its metrics say, and `expiry` removes records that have had their time. `manifest` reads the inventories that the clouds
make.
"""
