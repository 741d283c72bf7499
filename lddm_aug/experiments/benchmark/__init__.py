"""Measurements of speed, memory and size.

    mixing.py  a recognizer's training step, by where its synthetic clips come from
"""
