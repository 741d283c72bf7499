"""Table 1 of the paper, from trainings to its printed form.

    table1.py   every generator on the same split and seeds
    results.py  the file of the rows, and how it is printed beside the paper's
"""
