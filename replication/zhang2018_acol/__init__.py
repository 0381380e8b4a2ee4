"""Replication of adversarial complementary learning {cite}`zhang2018acol`."""
