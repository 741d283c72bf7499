"""Test a recognizer: the same as `lddm-aug test`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('test')
