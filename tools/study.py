"""Find out whether synthetic clips help: the same as `lddm-aug study`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('study')
