"""DICOM files, of which nothing that names a patient is kept.

    source.py      what a folder of DICOM files holds: items, groups, and what a user should know
    series.py      which single frames belong together, and in which order
    facts.py       what one file says of itself, its patient among it
    header.py      the tags of one file; a bad optional one is ignored, and that is noted
    decoding.py    pixel data of every transfer syntax → samples, frame by frame
    streams.py     ... of MPEG-2, H.264 and H.265
    colour.py      whether the samples of a JPEG are RGB or YCbCr, whatever the header says
    picture.py     samples → 8-bit grey or RGB, as a viewer shows them
    privacy.py     keyed hashes, and errors that quote nothing

Only the tags listed in header.py are read.  Of those that name a patient, PatientID (or, where it
is blank, StudyInstanceUID) becomes the group through a keyed hash; the others serve to refuse
folders named after patients as classes.  A file's own name may be a patient's, so files, too, go
by a keyed hash.  The key is random and lies outside the prepared folder: who has only the folder
can't even try out numbers.
"""
from lddm_aug.extras import require_extra

require_extra('dicom', 'reading DICOM files')

from lddm_aug.preparation.dicom.privacy import read_key
from lddm_aug.preparation.dicom.source import GROUP_TAGS, find_file, list_dicom

__all__ = ['GROUP_TAGS', 'find_file', 'list_dicom', 'read_key']
