"""The three function runtimes, which run the handler files themselves."""
