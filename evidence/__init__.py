"""What a report is, and how anyone can prove who signed it, that nothing was altered and that nothing is missing.

Gateway and receiver share this package, and an auditor reads it in this order:

    topics    where reports travel, and the names of who sends and who receives
    claims    what every report states about itself
    kinds     what a report can be about; bounds says how large its parts may be, presence what a gateway says of itself
    keys      who signs
    envelope  how a report is signed, and the only way to open one
    chain     why a missing, repeated or second record cannot hide
    rotation  how a chain is handed from one key to the next
    trust     whose signatures count
    requests  what a receiver may ask of a gateway
    words     a key's fingerprint, to be read out over the phone

Must never hold a socket, a database or a clock, and never sign anything that it would not accept itself.
"""
