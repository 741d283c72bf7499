"""Checks of a dataset before anything is trained on it.

    audit.py        tables → all findings
    fingerprint.py  a file → hashes, thumbnails and faults
    markings.py     text and callipers burnt into a frame
    duplicates.py   fingerprints → sets of files with the same picture
    findings.py     leakage, two labels for one lesion, balance
    report.py       findings → a page with the pictures side by side
"""
