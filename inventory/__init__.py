"""What an inventory says of assets, in the forms that other programs read: a leaf that gateway and receiver share.

    item       one asset, as an inventory tells of it
    rows       items as a table; the one place that makes a cell harmless for spreadsheets
    cyclonedx  items as a CycloneDX 1.6 document
    export     which form is asked for, and a file that is never overwritten

Must never know where items come from: a journal or a receiver's books. Imports `evidence` and nothing else of ours.
"""
