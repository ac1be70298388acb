"""What tests stand on: fakes of the ports, emulated clouds, independent clients, and platforms."""
