"""Turn labelled stills into a store of clips: the same as `lddm-aug synthesize`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('synthesize')
