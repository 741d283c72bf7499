"""Bring a published data set into the form that training reads: the same as `lddm-aug prepare`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('prepare')
