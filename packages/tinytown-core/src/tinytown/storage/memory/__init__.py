"""A town in the memory of one process: the executable specification of every verb.

The verbs here and the scripts under `storage/redis/lua` say the same thing twice on purpose. They use the same words
(`load`, `move`, `wake`, `event` …), so they can be read side by side, and a property test compares what they leave
behind, key by key, over thousands of random steps.
"""
