"""The pages people look at: what reps decided, and a small CRM to try the product in. No build step, no library."""
