"""Arrays → what eyes look at.  The page of a report lies with what it reports.

    contact_sheet.py  clips side by side on one still picture
    previews.py       clips side by side in moving pictures, and pages that show them
    loss_curves.py    losses that trainings logged
"""
