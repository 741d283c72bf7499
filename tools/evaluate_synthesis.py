"""Compare a generator's clips with real ones: the same as `lddm-aug evaluate`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('evaluate')
