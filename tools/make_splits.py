"""Draw the splits of a prepared data set: the same as `lddm-aug split`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('split')
