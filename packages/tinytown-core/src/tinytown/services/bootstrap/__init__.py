"""`tt bootstrap`: a Redis or Valkey server in `~/.tt/bin`, from a wheel, from source, or through an agent CLI.

Each way gives a candidate. Whatever the way, it is started and made to keep something over a restart before it is put
in place, and it is put there by one rename.
"""
