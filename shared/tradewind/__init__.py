"""Keep ML artifacts, training and serving alive across AWS, Google Cloud and Azure."""

import logging

__version__ = "0.1.0"

# A library says nothing until its user decides where logs go; and Powertools formats only loggers that exist already.
logging.getLogger(__name__).addHandler(logging.NullHandler())
