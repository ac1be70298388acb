"""The modes of the rules: what is not acted upon at once, and what is written in a way of its own.

`deferring` says what waits and until when; `marks` and `buffer` keep the keys of a `buffered` rule until their window
is over; `batches` sweeps what changed for a `batch` rule; `compression` and `immutable` are how `batch` and `versioned`
rules write.
"""
