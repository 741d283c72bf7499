"""Generated clips on disk, with a manifest of their provenance.

    manifest.py  files of a store, and the reader of a finished one
    writer.py    writes one
"""
