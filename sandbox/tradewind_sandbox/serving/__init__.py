"""What is served in the sandbox: a model server at each cloud, and the front that directs the traffic between them."""
