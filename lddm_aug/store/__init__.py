"""Generated clips on disk, with a manifest of their provenance.

    manifest.py  files of a store, and the reader of a finished one
    arrow_file.py  a file of rows
    shards.py    the clips
    writer.py    writes one
    records.py   plan, rows and picture, and their copies
    verify.py    what is missing, changed or too much
    merge.py     several stores ↔ one
    exchange.py  a store ↔ mp4 or WebDataset
    convert.py   an earlier version's store → one of this version
    sheet.py     some clips as a picture
"""
