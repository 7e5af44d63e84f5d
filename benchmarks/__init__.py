"""Ratios against a peer, each measured in the same run as the peer."""
