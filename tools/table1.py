"""Make the paper's Table 1 again: the same as `lddm-aug table1`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('table1')
