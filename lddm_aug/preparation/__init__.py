"""Data sets as they come → one form that training reads.

    busv.py, busi.py, folder.py, csv_table.py   what a source holds, one file a source
    dicom/               what a folder of DICOM files holds
    errata.py            known faults of a source, busv_errata.csv those of BUSV
    listing.py           what they give: items, not yet read, and what was left out
    source_folder.py     a folder that nothing leads out of
    prepare.py           reads the items, one after the other, into
    prepared_folder.py   the one form: tables, and files with the frames
"""
