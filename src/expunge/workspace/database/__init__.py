"""What a workspace remembers: tables without any value of a record, their transactions and their migrations."""
