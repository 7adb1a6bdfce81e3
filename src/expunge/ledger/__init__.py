"""What was done, signed, so that somebody else can check it: keys, an append-only log, receipts.

The room knows no model and imports no array library: a receipt is verified with the standard library and the package
``cryptography``. From the outside in:

==================== ==================================================================================================
:mod:`.verify`       a bundle of bytes and a public key in, a verdict in words out; :mod:`.page` shows it to people
:mod:`.bundle`       a receipt as it travels: signed statement, place in the log, signed head
:mod:`.receipts`     what a request did, as an in-toto statement in an envelope; :mod:`.blinding` hides its digests
:mod:`.log`          the entries, in an append-only Merkle tree; :mod:`.entries` says what may stand in one
:mod:`.heads`        size and root of the log, signed; :mod:`.proofs`: a later one begins with an earlier one
:mod:`.keys`         who signs: a file, an environment variable, a callable; :mod:`.rotation`: from one key to the next
:mod:`.pseudonyms`   names for persons that end with a key; :mod:`.subject_keys` keeps those keys, and shreds them
:mod:`.secret_files` files that only their owner reads
:mod:`.merkle`       the tree of RFC 9162, its proofs, and how they are verified
:mod:`.dsse`         envelopes with signatures; :mod:`.canonical_json` and :mod:`.fields`: how everything is written
==================== ==================================================================================================
"""
