"""Train a recognizer: the same as `lddm-aug train`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('train')
