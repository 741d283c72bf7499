"""Reader of DICOM files without any data that identifies patients.

    source.py      items, groups and notes of a folder of DICOM files
    series.py      single frames of one series, in order
    facts.py       metadata of one file
    header.py      the tags of one file; invalid optional tags are ignored and reported
    decoding.py    pixel data of every transfer syntax → samples, frame by frame
    streams.py     ... of MPEG-2, H.264 and H.265
    colour.py      detection of RGB or YCbCr in a JPEG, independent of the header
    picture.py     samples → 8-bit grey or RGB, as displayed by a viewer
    privacy.py     keyed hashes, and errors without values

Only the tags listed in header.py are read.  Of those that identify a patient, PatientID (or, if it
is blank, StudyInstanceUID) becomes the group through a keyed hash.  The others are used to reject
folders named after patients as classes.  A file's name may contain a patient's, so it is replaced
by a keyed hash too.  The key is random and outside the prepared folder: without it, no one can test
guesses of names or numbers.
"""
from lddm_aug.extras import require_extra

require_extra('dicom', 'reading DICOM files')

from lddm_aug.preparation.dicom.privacy import read_key
from lddm_aug.preparation.dicom.source import GROUP_TAGS, find_file, list_dicom

__all__ = ['GROUP_TAGS', 'find_file', 'list_dicom', 'read_key']
