"""Replication of objects between the sites of a fleet.

`provenance` says what a replica is, `routes` which targets a key has, and `decide` what is to be done at one of them;
they are pure. `copying` brings one key to several targets, `replicate` turns a notification into such copies, and
`delivery` settles the message that carried it.
"""
