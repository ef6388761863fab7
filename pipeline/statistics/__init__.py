"""Statistics of a BCCI programme: counts of the ledger into the report it owes."""
