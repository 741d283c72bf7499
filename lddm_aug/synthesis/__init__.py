"""Stills → a store of clips, each of which says where it came from.

    plan.py           which clips: a still and a seed for each
    synthesize.py     makes them, and goes on where it was stopped
    store.py          clips on disk and their manifest
    contact_sheet.py  some of them to look at
    previews.py       some of them to look at while they move
"""
