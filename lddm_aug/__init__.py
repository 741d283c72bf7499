"""Turns labelled ultrasound stills into clips that help MMAction2 to recognize videos."""
from lddm_aug import compat

__version__ = '0.1.0'

compat.mend()
