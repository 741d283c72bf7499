"""Readers of tables, splits, videos and stills.

    tables.py           text tables of spreadsheets and other programs
    annotations.py      tables of labelled files
    splits.py           training and test parts of a table, drawn once
    audit_record.py     the findings of an audit
    frames.py           the reader of videos and stills, which uses the next five:
    video_files.py      videos, by PyAV
    container_length.py checks that a video has the length in its container
    picture_files.py    stills and sequences of pictures, by Pillow
    shown.py            stored pixels → displayed pixels
    unreadable.py       errors of unreadable files
"""
