"""Data sets as they come → one form that training reads.

    busv.py, busi.py, folder.py, csv_table.py   what a source holds, one file a source
    dicom/               what a folder of DICOM files holds
    errata.py            known faults of a source, busv_errata.csv those of BUSV
    listing.py           what they give: items, not yet read, and what was left out
    source_folder.py     a folder of files, each of which is accounted for
    levels.py, groups.py what the folders above a file mean, and which group it belongs to
    endings.py, names.py what a file is by its ending, and what it is called in tables
    notices.py           what is odd about groups, classes and splits
    prepare.py           reads the items, one after the other, into
    prepared_folder.py   the one form: tables, and files with the frames
"""
