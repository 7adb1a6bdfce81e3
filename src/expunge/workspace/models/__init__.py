"""Models of a workspace: versions, gates, fits and audits."""
