"""Look whether everything is here that training needs.

    lddm-aug doctor
    lddm-aug doctor --work-dir /scratch/me
    lddm-aug doctor --json > doctor.json              for a report of a bug

Prints one line for each thing, and what to do about it.  Ends with status 1 where something is
broken that training needs.  It also makes a tiny clip, stores it and trains a recognizer for a
step, which takes less than a minute and leaves nothing behind.
"""
from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder whose use is checked, and the form of what is printed."""
    parser.add_argument('--work-dir', default='work_dirs', metavar='DIR',
                        help='where trainings shall write; default: %(default)s')
    parser.add_argument('--json', action='store_true',
                        help='print a list of {state, subject, text, advice}')
    parser.set_defaults(needs_parts=False)           # whether they can be imported is one question


def run(args: argparse.Namespace) -> None:
    """Print what is found; exit with status 1 where something is broken."""
    import json
    from dataclasses import asdict

    from lddm_aug.commands.checkup import BROKEN, checkup

    findings = []
    for finding in checkup(args.work_dir):
        if not args.json:
            print(finding, flush=True)
        findings.append(finding)
    broken = [finding for finding in findings if finding.state == BROKEN]
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    else:
        print(f'\n{len(broken)} of these must be fixed before a training' if broken
              else '\nTraining has all that it needs')
    if broken:
        raise SystemExit(1)
