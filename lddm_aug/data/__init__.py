"""What files say.

    tables.py           tables of text, whatever program wrote them
    annotations.py      tables of labelled files
    splits.py           which part of the data a file belongs to, drawn once
    audit_record.py     what an audit found in them
    frames.py           the one reader of videos and stills, of which these are parts:
    video_files.py      videos, by PyAV
    container_length.py … whether one is as long as its container says
    picture_files.py    stills and sequences of pictures, by Pillow
    shown.py            stored pixels → what a viewer shows
    unreadable.py       why a file's frames can't be had
"""
