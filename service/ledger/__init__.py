"""The ledger: assessments as they were made, what reps decided on them, and what became of it, in a SQL database."""
