"""The storage behind every server address: one set of scripts, two faces, and the only place that imports redis."""
