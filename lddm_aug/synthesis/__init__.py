"""Stills → a store of clips with their provenance.

    plan.py        the still and the seed of each clip
    synthesize.py  makes the clips, and resumes an interrupted run
    repair.py      makes damaged clips of a store again
"""
