"""Pages on this machine that show what a generator makes and what a store holds.

    app.py                       a generator or a store → its web application
    clip_page.py clip.html .js   a still is dropped in, and its clip plays beside it
    store_page.py store.html .js clips of a store, filtered and flagged
    flags.py                     flags of clips, and the keep file that training reads
    server.py                    answers this machine's own pages only
    head.html common.js browse.css   of both pages
"""
