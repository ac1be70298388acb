"""Health and failover: observers look, a majority decides, and traffic moves without the cloud that is down."""
