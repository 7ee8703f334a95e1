"""`tt demo`: the whole main job in some seconds, without a key, a server or a network."""
