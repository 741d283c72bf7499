"""Train a recognizer: MMAction2's tools/train.py, with every part of lddm_aug registered.

    python tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--seed N] [...]
"""
from lddm_aug.cli import one_sentence_errors
from lddm_aug.engine.mmaction_tool import load_mmaction_tool, require_files


def main() -> None:
    with one_sentence_errors():
        tool = load_mmaction_tool('train')
        args = tool.parse_args()
        require_files(config=args.config, resume=None if args.resume == 'auto' else args.resume)
        tool.main()


if __name__ == '__main__':
    main()
