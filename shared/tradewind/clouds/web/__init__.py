"""What speaks plain HTTP and is no cloud: probes, webhooks, a proxy of one's own."""
