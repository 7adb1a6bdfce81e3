"""Rules about requests, as pure functions and frozen records: states, due dates, policies, how long data is kept."""
