"""Test a recognizer: MMAction2's tools/test.py, with every part of lddm_aug registered.

    python tools/test.py CONFIG CHECKPOINT [--work-dir DIR] [--dump FILE.pkl] [...]
"""
from lddm_aug.cli import one_sentence_errors
from lddm_aug.engine.mmaction_tool import load_mmaction_tool, require_files


def main() -> None:
    with one_sentence_errors():
        tool = load_mmaction_tool('test')
        args = tool.parse_args()
        require_files(config=args.config, checkpoint=args.checkpoint)
        tool.main()


if __name__ == '__main__':
    main()
