"""Show real, reconstructed and generated clips side by side: the same as `lddm-aug gallery`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('gallery')
