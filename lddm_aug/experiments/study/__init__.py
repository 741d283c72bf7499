"""Do synthetic clips help?  Many trainings that differ in one thing each, and what they show.

    plan.py           recognizers × training sets × ratios × seeds
    training_sets.py  what a recognizer is trained on, by name
    stores.py         a generator fitted on a split's training groups, and its clips
    quality.py        clips that a recognizer of real videos finds plausible
    training.py       one training of a recognizer, and its test
    jobs.py           several at once, each in a process of its own
    study.py          all of it in order
    records.py        one line a training, and the scores of every video beside it
    statistics.py     figures with intervals in which seeds and patients both vary
    tables.py         what is compared with what
    report.py         tables → HTML and Markdown
    chart.py          our own studies in one picture, for the README
"""
