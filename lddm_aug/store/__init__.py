"""Generated clips on disk, with a manifest that says where each came from.

    manifest.py  what lies where in a store, and the reader of a finished one
    writer.py    fills one
"""
