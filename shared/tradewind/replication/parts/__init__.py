"""Large objects, copied in parts by many invocations: each works off some part tasks, and the last one joins the parts.

A job is the copy of one version of one key from one site to one other. `start` begins it or finds it, `work` does what
one task asks for, and `orphans` ends what was given up. What to do is decided in `plan` and `proof`.
"""
