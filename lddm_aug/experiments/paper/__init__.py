"""The paper's Tables 1 and 2 from BUSV and BUSI as they are downloaded.

    flow.py       both data sets → prepared, audited, divided → both tables
    page.py       the tables beside the paper's, as HTML and Markdown
    published.py  what the paper prints in Table 2
"""
