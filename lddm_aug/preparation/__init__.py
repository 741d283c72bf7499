"""Published datasets → the format that training reads.

    busv.py, busi.py, folder.py, csv_table.py   readers of sources, one per file
    dicom/               reader of a folder of DICOM files
    errata.py            known faults of a source; those of BUSV are in busv_errata.csv
    listing.py           result of a reader: items, before their frames are read, and files left out
    source_folder.py     a folder of files, each of which is accounted for
    levels.py, groups.py class, split and group of a file by the folders above it
    endings.py, names.py type of a file by its ending, and its name in tables
    notices.py           warnings about groups, classes and splits
    prepare.py           reads the items, one by one, into
    prepared_folder.py   the prepared format: tables, and files of frames
    frame_file.py        frames → a file of them, one by one
"""
