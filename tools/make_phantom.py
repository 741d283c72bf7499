"""Simulate labelled ultrasound sweeps and stills: the same as `lddm-aug prepare phantom`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('phantom')
