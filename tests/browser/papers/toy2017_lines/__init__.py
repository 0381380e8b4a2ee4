"""A replication for tests."""
