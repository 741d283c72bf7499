"""What is wrong with a data set, before anything is trained on it.

    audit.py        tables → all findings
    fingerprint.py  a file → what it can be recognized by, and what is wrong with it
    markings.py     text and callipers burnt into a frame
    duplicates.py   fingerprints → sets of files that show the same
    findings.py     leakage, two labels for one lesion, balance
    report.py       findings → a page with the pictures side by side
"""
