"""Print how large and how costly models are: the same as `lddm-aug analysis`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('analysis')
