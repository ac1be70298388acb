"""A local object store for measurements: one small program that speaks S3, Cloud Storage and Blob Storage.

The emulators of the tests are made to be right, not to be fast, and what they cost hides what a client costs. This
store keeps objects in memory, speaks just the calls that tradewind and its peers make, does what the clouds do with
conditions, checksums and uploads in parts, counts every request, and can pace what a connection carries. Every program
that is measured talks to the same one.
"""
