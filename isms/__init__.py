"""The receiving program: verifies every report, keeps it for ever, and answers with a signed receipt.

    state      the directory that holds the receiver's files, and the lock that keeps it to one receiver
    receive    pure: whether a message is a report for us, and what it means for its chain
    intake     carries out those decisions, one batch at a time
    inventory  the books: with database, the only module that knows SQLite
    asking     pure: which missing records to ask a gateway for, and when
    service    receives over one connection after another; broker makes them
    verify     pure: an auditor's verdict over stored reports; audit writes his report
    alarms     pure: what somebody should look at
    views      pure: what people see; tables lays it out, watch shows it live
    export     the inventory for other programs
    cli        the commands

Must never import anything of the gateway's program: both share `evidence` and `inventory`, and nothing else.
"""
