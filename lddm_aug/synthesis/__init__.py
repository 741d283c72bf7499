"""Stills → a store of clips, each of which says where it came from.

    plan.py        which clips: a still and a seed for each
    synthesize.py  makes them, and goes on where it was stopped
"""
