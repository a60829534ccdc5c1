"""The receiving program: verifies every report, keeps it for ever, and answers with a signed receipt.

    state      the directory that holds the receiver's files, and the lock that keeps it to one receiver
    receive    pure: whether a message is a report for us, and what it means for its chain
    intake     carries out those decisions, one batch at a time
    inventory  the books: the only module that knows SQLite
    service    the MQTT connection
    verify     pure: an auditor's verdict over stored reports
    tables     text for people
    cli        the commands

Must never import anything of the gateway's program: both share `evidence`, and nothing else.
"""
