"""Pub/Sub for one machine: the real clients talk to it over gRPC, and push subscriptions are delivered over HTTP."""
