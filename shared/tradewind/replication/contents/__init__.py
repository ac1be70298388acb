"""Content that is at a target already, under another key: copied there by the target's own store instead of sent again.

`known` says what tells contents apart and `worth` from which size on it pays to look, both without I/O; `index` keeps
where content is, and `place` makes the copy.
"""
