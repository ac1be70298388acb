"""Registers: small documents with one history, agreed by a majority of control stores, whichever cloud is down."""
