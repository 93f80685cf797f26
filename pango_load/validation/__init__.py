"""What may be sent, and in which words the rest is turned down."""
