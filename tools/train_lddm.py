"""Train a generator: the same as `lddm-aug train-generator`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('train-generator')
