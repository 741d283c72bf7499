"""Measurements of speed, memory and size.

    store.py          what a store costs
    store_formats.py  forms in which a store could keep its clips and rows
"""
