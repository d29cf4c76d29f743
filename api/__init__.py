"""The doors of the ledger: REST and the command line. The only place that knows HTTP, users and a shell."""
