"""What the product is tried in: do the clips help, and how good are they?

    demo/        the main job in one call, from tables to a report
    study/       do synthetic clips help?  Many trainings, and what they tell together
    table1/      the paper's Table 1: every generator on the same split and seeds
    benchmark/   what it costs in time, memory and space
    analysis.py  parameters, FLOPs and speed of what a config describes
"""
