"""Look for what is wrong with a data set: the same as `lddm-aug audit`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('audit')
