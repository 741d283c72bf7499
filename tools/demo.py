"""Run the main job, from sweeps and stills to a report: the same as `lddm-aug demo`."""
from lddm_aug.commands import run_tool

if __name__ == '__main__':
    run_tool('demo')
