"""What a report is, and how anyone can prove who signed it, that nothing was altered and that nothing is missing.

Gateway and receiver share this package, and an auditor reads it in this order:

    topics    where reports travel, and the names of who sends and who receives
    claims    what every report states about itself
    kinds     what a report can be about
    keys      who signs
    envelope  how a report is signed, and the only way to open one
    chain     why a missing, repeated or second record cannot hide
    trust     whose signatures count

Must never hold a socket, a database or a clock, and never sign anything that it would not accept itself.
"""
