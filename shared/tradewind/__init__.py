"""Keep ML artifacts, training and serving alive across AWS, Google Cloud and Azure."""

__version__ = "0.1.0"
