"""Tables of an atlas of latencies as a page with pictures."""
