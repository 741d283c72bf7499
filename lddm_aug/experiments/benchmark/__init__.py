"""Measurements of speed, memory and size, each beside its baseline in the same run.

    measure.py        turns, medians, rows, and what the machine can do at most
    synthesis.py      clips per second, against cINN's decoder as published
    mixing.py         a recognizer's training step, by where its synthetic clips come from
    training.py       seconds of an iteration, and how much of it is waiting for data
    store.py          what a store costs
    store_formats.py  forms in which a store could keep its clips and rows
"""
