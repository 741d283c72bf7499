"""Arrays → pictures.  The template of a report is beside the code that computes its content.

    contact_sheet.py  frames of clips in one picture
    previews.py       clips side by side in animated pictures, and pages that show them
    loss_curves.py    logged losses
    interval_chart.py differences with intervals
    markdown.py       names and labels in Markdown
"""
