"""The machinery of a sweep, room by room: read, plan, train, measure, store, track, run."""
